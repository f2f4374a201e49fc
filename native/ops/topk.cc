#include "native/ops/topk.h"

#include <limits>
#include <string>

#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

Topk topk(Queue& queue, const TopkArgs& args) {
  const Checker check("topk", args.logits.device);
  check_logits(check, args.logits);
  const Shape& shape = args.logits.shape;
  const int64_t rows = shape[0], vocabulary = shape[1];
  if (args.beams < 1 || rows % args.beams != 0) {
    check.fail("ERR_ARGUMENT", "beams: expected a divisor of the rows " + std::to_string(rows) +
                                   ", got " + std::to_string(args.beams));
  }
  if (vocabulary > std::numeric_limits<int32_t>::max() / args.beams) {
    check.fail("ERR_SHAPE", "logits: too many continuations for 32 bits, got " + shape.to_string());
  }
  const int64_t all = args.beams * vocabulary;
  if (args.k < 1 || args.k > all) {
    check.fail("ERR_ARGUMENT",
               "k: expected 1.." + std::to_string(all) + ", got " + std::to_string(args.k));
  }
  check.real("scores", args.scores, Shape{rows});
  check_penalties(check, args.penalties);
  const Shape best = {rows / args.beams, args.k};
  const Topk result = {check.make(best, DType::kI32), check.make(best)};
  queue.submit(read_penalties(Op("topk", args.logits.device).reads(args.logits).reads(args.scores),
                              args.penalties)
                   .writes(result.indices)
                   .writes(result.scores),
               [=](OpRun& run) -> int32_t {
                 if (rows == 0) return RN_OK;
                 RnTopk a = {};
                 a.groups = rows / args.beams;
                 a.beams = args.beams;
                 a.vocabulary = vocabulary;
                 a.k = args.k;
                 a.logits = run.data(args.logits);
                 a.scores = run.data(args.scores);
                 a.penalties = penalties_of(run, args.penalties);
                 a.indices = static_cast<int32_t*>(run.data(result.indices));
                 a.best = run.data(result.scores);
                 return run.backend().topk(run.context(), &a);
               });
  return result;
}

}  // namespace rnnative

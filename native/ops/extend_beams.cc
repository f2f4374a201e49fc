#include "native/ops/extend_beams.h"

#include <limits>
#include <string>

#include "native/ops/check.h"

namespace rnnative {
namespace {

void check_range(const Checker& check, const char* name, int64_t value, int64_t least,
                 int64_t most) {
  if (value >= least && value <= most) return;
  check.fail("ERR_ARGUMENT", std::string(name) + ": expected " + std::to_string(least) + ".." +
                                 std::to_string(most) + ", got " + std::to_string(value));
}

}  // namespace

ExtendedBeams extend_beams(Queue& queue, const ExtendBeamsArgs& args) {
  const Checker check("extend_beams", args.best.device);
  const Shape& shape = args.best.shape;
  if (shape.dims() != 2)
    check.fail("ERR_SHAPE", "best: expected [groups, k], got " + shape.to_string());
  const int64_t groups = shape[0], k = shape[1];
  check.real("best", args.best);
  check.ints("indices", args.indices, shape);
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  check_range(check, "beams", args.beams, 1, kMost);
  check_range(check, "vocabulary", args.vocabulary, 1, kMost / args.beams);
  check_range(check, "end", args.end, 0, args.vocabulary - 1);
  check_range(check, "known", args.known, 1, args.vocabulary);
  check_range(check, "unknown", args.unknown, 0, args.known - 1);
  if (groups > kMost / args.beams)
    check.fail("ERR_SHAPE", "best: too many rows for 32 bits, got " + shape.to_string());
  const Shape rows = {groups * k};
  const ExtendedBeams result = {check.make(rows, DType::kI32), check.make(rows, DType::kI32),
                                check.make(rows)};
  queue.submit(Op("extend_beams", args.best.device)
                   .reads(args.indices)
                   .reads(args.best)
                   .writes(result.tokens)
                   .writes(result.rows)
                   .writes(result.scores),
               [=](OpRun& run) -> int32_t {
                 if (groups * k == 0) return RN_OK;
                 RnExtendBeams a = {};
                 a.groups = groups;
                 a.beams = args.beams;
                 a.vocabulary = args.vocabulary;
                 a.k = k;
                 a.end = args.end;
                 a.known = args.known;
                 a.unknown = args.unknown;
                 a.indices = static_cast<const int32_t*>(run.data(args.indices));
                 a.best = run.data(args.best);
                 a.tokens = static_cast<int32_t*>(run.data(result.tokens));
                 a.rows = static_cast<int32_t*>(run.data(result.rows));
                 a.scores = run.data(result.scores);
                 return run.backend().extend_beams(run.context(), &a);
               });
  return result;
}

}  // namespace rnnative

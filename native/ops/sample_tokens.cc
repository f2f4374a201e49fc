#include "native/ops/sample_tokens.h"

#include <algorithm>
#include <limits>
#include <string>

#include "native/ops/check.h"

namespace rnnative {

SampledTokens sample_tokens(Queue& queue, const SampleTokensArgs& args) {
  const Checker check("sample_tokens", args.logits.device);
  check_logits(check, args.logits);
  const Shape& shape = args.logits.shape;
  const int64_t rows = shape[0], vocabulary = shape[1];
  if (vocabulary > std::numeric_limits<int32_t>::max()) {
    check.fail("ERR_SHAPE", "logits: too many tokens for 32 bits, got " + shape.to_string());
  }
  check.in_range("temperature", args.temperature, 0, std::numeric_limits<double>::infinity(), true);
  if (args.top_k < 0) {
    check.fail("ERR_ARGUMENT", "topK: expected at least 0, got " + std::to_string(args.top_k));
  }
  check.in_range("topP", args.top_p, std::numeric_limits<double>::min(), 1, true);
  if (args.given) check.ints("given", args.given, Shape{rows});
  if (args.words || args.temperature > 0) check.ints("words", args.words, Shape{2 * rows});
  check_penalties(check, args.penalties);

  const SampledTokens result = {check.make(Shape{rows}, DType::kI32), check.make(Shape{rows})};
  queue.submit(read_penalties(Op("sample_tokens", args.logits.device)
                                  .reads(args.logits)
                                  .reads(args.given)
                                  .reads(args.words),
                              args.penalties)
                   .writes(result.tokens)
                   .writes(result.log_probabilities),
               [=](OpRun& run) -> int32_t {
                 if (rows == 0) return RN_OK;
                 RnSampleTokens a = {};
                 a.rows = rows;
                 a.vocabulary = vocabulary;
                 a.top_k = args.top_k == 0 ? vocabulary : std::min(args.top_k, vocabulary);
                 a.top_p = args.top_p;
                 a.temperature = args.temperature;
                 a.logits = run.data(args.logits);
                 a.given = static_cast<const int32_t*>(run.data(args.given));
                 a.words = static_cast<const uint32_t*>(run.data(args.words));
                 a.penalties = penalties_of(run, args.penalties);
                 a.tokens = static_cast<int32_t*>(run.data(result.tokens));
                 a.log_probabilities = run.data(result.log_probabilities);
                 return run.backend().sample_tokens(run.context(), &a);
               });
  return result;
}

}  // namespace rnnative

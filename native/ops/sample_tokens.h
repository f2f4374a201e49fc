// A token of each row's distribution: see RnSampleTokens in backend.h.
#ifndef RNNATIVE_OPS_SAMPLE_TOKENS_H_
#define RNNATIVE_OPS_SAMPLE_TOKENS_H_

#include "native/ops/penalties.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

struct SampleTokensArgs {
  Tensor logits;           // [rows, vocabulary]
  Tensor given;            // i32 [rows], -1: free; null: all free
  Tensor words;            // i32 [2 * rows], random bits; may be null with temperature 0
  double temperature = 1;  // at least 0
  int64_t top_k = 0;       // 0: all
  double top_p = 1;        // above 0, at most 1
  Penalties penalties;
};
struct SampledTokens {
  Tensor tokens;             // i32 [rows]
  Tensor log_probabilities;  // [rows]
};
SampledTokens sample_tokens(Queue& queue, const SampleTokensArgs& args);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_SAMPLE_TOKENS_H_

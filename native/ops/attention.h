// Attention over a memory: scores, mask, softmax and context in one op. Queries, keys and values
// come projected; see RnAttention in backend.h for scores and what lengths mean.
#ifndef RNNATIVE_OPS_ATTENTION_H_
#define RNNATIVE_OPS_ATTENTION_H_

#include <string_view>

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// "additive", "dot" or "scaled_dot".
RnScore parse_score(const char* op, std::string_view name);

struct AttentionArgs {
  RnScore score = RN_SCORE_DOT;
  Tensor queries;         // [Tq, B, A]
  Tensor keys;            // [Tk, B, A]
  Tensor values;          // [Tk, B, V]
  Tensor v;               // [A], additive only; else null
  Tensor query_lengths;   // i32 [B] or null: all Tq
  Tensor memory_lengths;  // i32 [B] or null: all Tk
};
struct AttentionResult {
  Tensor context;  // [Tq, B, V]
  Tensor weights;  // [Tq, B, Tk]
};
struct AttentionGradients {
  Tensor dcontext, dweights;  // shaped as the outputs; each may be null: zero
  Sink dqueries, dkeys, dvalues, dv;
};

AttentionResult attention(Queue& queue, const AttentionArgs& args);
// `weights` as forward made them.
void attention_backward(Queue& queue, const AttentionArgs& args, const Tensor& weights,
                        const AttentionGradients& gradients);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_ATTENTION_H_

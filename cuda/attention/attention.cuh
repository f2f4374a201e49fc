// Entry points of attention's kernels, for its op and for the decoder.
#ifndef RNNATIVE_CUDA_ATTENTION_ATTENTION_CUH_
#define RNNATIVE_CUDA_ATTENTION_ATTENTION_CUH_

#include "cuda/core/device.cuh"
#include "cuda/gemm/rounded.cuh"

namespace rnnative::cuda {

// What is attended to.
struct AttentionMemory {
  int32_t score;            // RnScore
  int64_t length, rows;     // Tk, R
  int64_t features, width;  // A, V
  const float* keys;        // [Tk, R, A]
  const float* values;      // [Tk, R, V]
  const float* v;           // [A], additive only
  const int32_t* lengths;   // [R] or null: all Tk
};

// The queries of a step of the decoder, each of its own block. Row b of the batch reads memory row
// b / beams, up to its length.
struct AttentionStep {
  AttentionMemory memory;
  int64_t step, batch, beams;
  const int32_t* lengths;  // [B] or null: all steps
  const float* queries;    // [B, A], rows `query_stride` apart
  int64_t query_stride;
  float* weights;  // [B, Tk]
  float* context;  // [B, V], rows `context_stride` apart
  int64_t context_stride;
  float* context_copy;      // [B, V] or null
  Rounded context_rounded;  // [B, V]
};
int32_t attend_step(RnContext* ctx, const AttentionStep& step);

// Of one step: the factors of pair_gradients, by which the gradients of the memory follow for all
// steps at once, and the gradients of the queries, zeros for a row past its end.
struct AttentionStepBackward {
  AttentionStep forward;  // context unused
  const float* dcontext;  // [B, V], rows `dcontext_stride` apart
  int64_t dcontext_stride;
  const float* dweights;  // [B, Tk] or null: zero
  float* factors;         // [B, Tk], written up to the memory's length
  float* dqueries;        // [B, A]
  Rounded dqueries_rounded;
};
int32_t attend_step_backward(RnContext* ctx, const AttentionStepBackward& step);

// Sums over pairs of a query and a key, each with a factor s[i, b, j] (beyond the lengths not
// read):
//   dq[i, b] (+)= sum_j s f(q, k),  dk[j, b] (+)= sum_i s f(q, k),  dv (+)= sum_i,j,b s tanh(q + k)
// with f the score's derivative by its key or query. PAIR_SUM is for the values: f = q.
enum PairKind { PAIR_ADDITIVE, PAIR_DOT, PAIR_SUM };
struct PairGradients {
  int32_t kind;
  int64_t queries, keys, batch, features;      // Tq, Tk, B, A
  const int32_t *query_lengths, *key_lengths;  // [B] or null
  const float* factors;                        // [Tq, B, Tk]
  const float* q;                              // [Tq, B, A], rows `query_stride` apart
  int64_t query_stride;
  const float *k, *v;  // [Tk, B, A], [A]; k unused by PAIR_SUM
  RnGrad dq, dk, dv;   // [Tq, B, A], [Tk, B, A], [A]
};
int32_t pair_gradients(RnContext* ctx, const PairGradients& pairs);

// RN_ERR_INDEX for a length out of range.
inline int32_t check_attention_lengths(RnContext* ctx, const RnAttention& args) {
  const RnAttentionDesc& d = args.desc;
  int32_t status = RN_OK;
  if (args.query_lengths)
    status = check_indices(ctx, "query length", args.query_lengths, d.batch, d.queries);
  if (status == RN_OK && args.memory_lengths)
    status = check_indices(ctx, "memory length", args.memory_lengths, d.batch, d.keys);
  return status;
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_ATTENTION_ATTENTION_CUH_

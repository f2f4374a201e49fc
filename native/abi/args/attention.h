// Attention over a memory.
#ifndef RNNATIVE_ABI_ARGS_ATTENTION_H_
#define RNNATIVE_ABI_ARGS_ATTENTION_H_

#include "native/abi/base.h"

// How a query q is scored against a key k, both already projected to A features.
//   ADDITIVE: v . tanh(q + k) (Bahdanau et al. 2015; Luong et al. 2015 call it concat)
//   DOT: q . k   SCALED_DOT: q . k / sqrt(A) (Vaswani et al. 2017)
enum RnScore { RN_SCORE_ADDITIVE, RN_SCORE_DOT, RN_SCORE_SCALED_DOT, RN_SCORE_COUNT };
typedef struct RnAttentionDesc {
  int32_t score;
  int64_t queries, keys, batch;  // Tq, Tk, B
  int64_t features, width;       // A, V
} RnAttentionDesc;
// weights[i, b, :] = softmax over the keys j < memory_lengths[b] of the scores of query i, zero
// past them; context[i, b] = sum_j weights[i, b, j] values[j, b]. Queries from query_lengths[b] on
// get zeros. So does every query where memory_lengths[b] is 0. What lies past a length is never
// read, and its gradient is zero.
typedef struct RnAttention {
  RnAttentionDesc desc;
  const int32_t *query_lengths, *memory_lengths;  // [B] or NULL: all
  const void* queries;                            // [Tq, B, A]
  const void* keys;                               // [Tk, B, A]
  const void* values;                             // [Tk, B, V]
  const void* v;                                  // [A]; NULL unless ADDITIVE
  void* context;                                  // [Tq, B, V]
  void* weights;                                  // [Tq, B, Tk]
} RnAttention;
typedef struct RnAttentionBackward {
  RnAttention forward;  // the same arguments; context NULL, weights as forward left them
  const void *dcontext, *dweights;      // shaped as their outputs; each may be NULL: zero
  RnGrad dqueries, dkeys, dvalues, dv;  // dv skipped unless ADDITIVE
} RnAttentionBackward;

#endif  // RNNATIVE_ABI_ARGS_ATTENTION_H_

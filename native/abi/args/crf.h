// Linear-chain conditional random fields (Lafferty et al. 2001).
#ifndef RNNATIVE_ABI_ARGS_CRF_H_
#define RNNATIVE_ABI_ARGS_CRF_H_

#include "native/abi/base.h"

// The score of tags y of row b, n = lengths[b]:
//   start[y[0]] + sum_t emissions[t, b, y[t]] + sum_t>0 transitions[y[t-1], y[t]] + end[y[n-1]]
// likelihoods[b] = that score - log of the sum of exp(score) over all tags^n sequences; 0 where n
// is 0. Scores of -inf forbid: a row whose tags are forbidden has -inf, as one without any sequence
// allowed. Neither emissions nor tags past a length are read. Other tags outside 0..tags-1:
// RN_ERR_INDEX.
typedef struct RnCrf {
  int64_t time, batch, tags;
  const int32_t* lengths;   // [batch] or NULL: all
  const int32_t* targets;   // [time, batch]
  const void* emissions;    // [time, batch, tags]
  const void* transitions;  // [tags, tags], from row to column
  const void* start;        // [tags]
  const void* end;          // [tags]
  void* likelihoods;        // [batch]
  void* reserve;            // crf_reserve bytes for backward; NULL in inference
} RnCrf;
// With q(..) what the model expects: demissions[t, b, k] = dlikelihoods[b] ([targets[t, b] = k] -
// q(y[t] = k)), and likewise over pairs of neighbours, first and last tags. Zero past the lengths,
// and for rows without any sequence allowed.
typedef struct RnCrfBackward {
  RnCrf forward;             // the same arguments; likelihoods NULL
  const void* dlikelihoods;  // [batch]
  RnGrad demissions, dtransitions, dstart, dend;
} RnCrfBackward;

#endif  // RNNATIVE_ABI_ARGS_CRF_H_

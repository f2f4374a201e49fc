// One query's attention over one row's memory, for the attention op and the decoder.
#ifndef RNNATIVE_REFERENCE_ATTENTION_H_
#define RNNATIVE_REFERENCE_ATTENTION_H_

#include <algorithm>
#include <cmath>

#include "native/abi/backend.h"

namespace rnnative::reference {

// Key j starts at keys + j * key_stride; likewise values, and the gradients of both.
struct Memory {
  int32_t score;  // RnScore
  int64_t features, width, length;
  const double* keys;
  int64_t key_stride;
  const double* values;
  int64_t value_stride;
  const double* v;  // [features], additive only
};
// Accumulated; NULL: not wanted.
struct MemoryGradients {
  double *dquery, *dkeys, *dvalues, *dv;
};

inline double scale_of(const Memory& m) {
  return m.score == RN_SCORE_SCALED_DOT ? 1 / std::sqrt(static_cast<double>(m.features)) : 1;
}

inline double score(const Memory& m, const double* query, int64_t j) {
  const double* key = m.keys + j * m.key_stride;
  double sum = 0;
  for (int64_t f = 0; f < m.features; ++f)
    sum += m.score == RN_SCORE_ADDITIVE ? m.v[f] * std::tanh(query[f] + key[f]) : query[f] * key[f];
  return sum * scale_of(m);
}

// weights: [length] assigned; context: [width] assigned. Zeros without memory.
inline void attend(const Memory& m, const double* query, double* weights, double* context) {
  std::fill_n(context, m.width, 0.0);
  if (m.length == 0) return;
  for (int64_t j = 0; j < m.length; ++j) weights[j] = score(m, query, j);
  const double most = *std::max_element(weights, weights + m.length);
  double total = 0;
  for (int64_t j = 0; j < m.length; ++j) total += weights[j] = std::exp(weights[j] - most);
  for (int64_t j = 0; j < m.length; ++j) {
    weights[j] /= total;
    for (int64_t f = 0; f < m.width; ++f)
      context[f] += weights[j] * m.values[j * m.value_stride + f];
  }
}

// dcontext: [width] or NULL; dweights: [length] or NULL; work: [length].
inline void attend_backward(const Memory& m, const double* query, const double* weights,
                            const double* dcontext, const double* dweights,
                            const MemoryGradients& to, double* work) {
  double* dscore = work;
  double mean = 0;
  for (int64_t j = 0; j < m.length; ++j) {
    dscore[j] = dweights ? dweights[j] : 0;
    for (int64_t f = 0; dcontext && f < m.width; ++f) {
      dscore[j] += dcontext[f] * m.values[j * m.value_stride + f];
      if (to.dvalues) to.dvalues[j * m.value_stride + f] += dcontext[f] * weights[j];
    }
    mean += weights[j] * dscore[j];
  }
  for (int64_t j = 0; j < m.length; ++j) {
    const double ds = weights[j] * (dscore[j] - mean) * scale_of(m);
    const double* key = m.keys + j * m.key_stride;
    for (int64_t f = 0; f < m.features; ++f) {
      double dq = ds * key[f], dk = ds * query[f];
      if (m.score == RN_SCORE_ADDITIVE) {
        const double t = std::tanh(query[f] + key[f]);
        dq = dk = ds * m.v[f] * (1 - t * t);
        if (to.dv) to.dv[f] += ds * t;
      }
      if (to.dquery) to.dquery[f] += dq;
      if (to.dkeys) to.dkeys[j * m.key_stride + f] += dk;
    }
  }
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_ATTENTION_H_

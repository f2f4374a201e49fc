// One row of the batch of an attention, forward and backward: what the attention op does for each
// of its rows, and the decoder for each of its steps and rows.
//
// The row's queries, keys and values lie far apart in [time, batch, features], a power of two as
// likely as not, so that they would evict each other from the caches. They are first copied side by
// side, padded to whole vectors; everything after that runs from the L2 cache and needs no masks.
#ifndef RNNATIVE_CPU_ATTENTION_ATTENTION_H_
#define RNNATIVE_CPU_ATTENTION_ATTENTION_H_

#include <math.h>

#include "native/cpu/attention/kernels.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/parallel.h"
#include "native/cpu/core/softmax_rows.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Padded rows: whole vectors, and an odd number of cache lines apart.
constexpr int64_t padded(int64_t width) {
  return round_up(width, 16) | 16;
}
static_assert(16 % kLanes == 0);

// Rows of floats somewhere: row i starts at data + i * stride.
struct Rows {
  const float* data;
  int64_t stride;
  RN_INLINE const float* operator()(int64_t i) const { return data + i * stride; }
};

RN_INLINE void prefetch_row(const float* row, int64_t width) {
  for (int64_t x = 0; x < width; x += 16) prefetch(row + x);
}

// Copies n rows into padded ones, zeros past `width`. `rows(i)` is where row i starts: in a page of
// its own, where the processor has to be told what comes next.
template <class From>
void gather_padded(const From& rows, int64_t n, int64_t width, float* to) {
  const int64_t ld = padded(width);
  for (int64_t i = 0; i < n; ++i, to += ld) {
    if (i + 1 < n) prefetch_row(rows(i + 1), width);
    memcpy(to, rows(i), (size_t)width * sizeof(float));
    memset(to + width, 0, (size_t)(ld - width) * sizeof(float));
  }
}

// The opposite: writes n padded rows, or adds them, to rows `stride` floats apart.
inline void scatter_padded(const float* from, int64_t n, int64_t width, float* to, int64_t stride,
                           bool add) {
  const int64_t ld = padded(width);
  for (int64_t i = 0; i < n; ++i, from += ld, to += stride) {
    if (!add) {
      memcpy(to, from, (size_t)width * sizeof(float));
      continue;
    }
    each_vector(0, width,
                [=](int64_t x, auto at) { at.store(to + x, at.load(to + x) + at.load(from + x)); });
  }
}

// Whether e^2x of all n values may stand for them. Not where one of them is NaN.
inline bool exponentials_suffice(const float* x, int64_t n) {
  vi beyond = {};
  for (int64_t i = 0; i < n; i += kLanes) beyond |= ~(abs(load(x + i)) <= kMostExponent);
  int32_t any = 0;
  for (int lane = 0; lane < kLanes; ++lane) any |= beyond[lane];
  return any == 0;
}
// x = e^2x, where 2x is far from the ends of exp's range.
inline void exponentiate(float* x, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const vf y = load(x + i);
    const ExpParts e = exp_parts(y + y);
    const vf scale = scale_of(e);
    store(x + i, fma(e.reduced, scale, scale));
  }
}

// body(row, thread) over the rows of a batch, each on one thread, dealt out in turn. `work`: about
// how many elements a row costs.
template <class Body>
void each_row(RnContext* ctx, int64_t rows, int64_t work, const Body& body) {
  if (ctx->threads <= 1 || rows <= 1 || rows * work < kSerialElements) {
    for (int64_t b = 0; b < rows; ++b) body(b, 0);
    return;
  }
  parallel_team(ctx, [&](int thread, int threads) {
    for (int64_t b = thread; b < rows; b += threads) body(b, thread);
  });
}

// Shapes of a row, and how it is scored.
struct Scoring {
  int32_t kind;
  int64_t features, width;  // A, V
  int64_t ld_features, ld_width;
  float scale;
  bool additive() const { return kind == RN_SCORE_ADDITIVE; }
};
inline Scoring scoring_of(int32_t kind, int64_t features, int64_t width) {
  const float scale = kind == RN_SCORE_ADDITIVE     ? 2.0f
                      : kind == RN_SCORE_SCALED_DOT ? (float)(1.0 / ::sqrt((double)features))
                                                    : 1.0f;
  return {kind, features, width, padded(features), padded(width), scale};
}

// The queries and keys of one row, padded.
struct Pairs {
  float *q, *k;  // [queries, ld_features], [keys, ld_features]
  int64_t queries, keys;
  const float* v;     // [ld_features], additive only
  bool exponentials;  // q and k hold e^2q and e^2k
};

// Turns padded queries and keys into exponentials where additive scores allow it.
inline void prepare(const Scoring& s, Pairs* p) {
  p->exponentials = false;
  if (!s.additive()) return;
  const int64_t nq = p->queries * s.ld_features, nk = p->keys * s.ld_features;
  if (!exponentials_suffice(p->q, nq) || !exponentials_suffice(p->k, nk)) return;
  exponentiate(p->q, nq);
  exponentiate(p->k, nk);
  p->exponentials = true;
}

// weights[queries, ldw]: softmax over the row's keys. These may lie where they were, `ldk` apart,
// if only the first n floats of a row are read.
inline void attend(const Scoring& s, const Pairs& p, int64_t ldk, int64_t n, float* weights,
                   int64_t ldw) {
  const int64_t ld = s.ld_features;
  const auto score = [&]<class Pair>() {
    score_pairs<Pair>(p.q, p.queries, ld, p.k, p.keys, ldk, p.v, n, s.scale, weights, ldw);
  };
  if (!s.additive()) {
    score.template operator()<DotPair>();
  } else if (p.exponentials) {
    score.template operator()<AdditivePair<FromExponentials>>();
  } else {
    score.template operator()<AdditivePair<FromSums>>();
  }
  for (int64_t i = 0; i < p.queries; ++i) softmax_row(weights + i * ldw, weights + i * ldw, p.keys);
}

inline void attend(const Scoring& s, const Pairs& p, float* weights, int64_t ldw) {
  attend(s, p, s.ld_features, s.ld_features, weights, ldw);
}

// ds[queries, ldw] from dweights (in place): the gradient of the scores before they are scaled.
inline void attend_backward(const Scoring& s, const Pairs& p, const float* weights, float* ds,
                            int64_t ldw) {
  for (int64_t i = 0; i < p.queries; ++i) {
    float* row = ds + i * ldw;
    softmax_row_backward<false>(weights + i * ldw, row, row, p.keys);
    if (s.kind == RN_SCORE_SCALED_DOT)
      for (int64_t j = 0; j < p.keys; ++j) row[j] *= s.scale;
  }
}

// The gradients of padded queries and keys, and of v (additive only), from those of the scores.
inline void pair_gradients(const Scoring& s, const Pairs& p, const float* ds, int64_t ldw,
                           float* dq, float* dk, float* dv) {
  const int64_t ld = s.ld_features;
  if (!s.additive()) {
    combine({ds, ldw, 1}, p.queries, p.k, ld, p.keys, dq, ld, ld, false);
    combine({ds, 1, ldw}, p.keys, p.q, ld, p.queries, dk, ld, ld, false);
    return;
  }
  const AdditiveGradient g = {p.q, p.k, ld, p.queries, p.keys, p.v, ds, ldw, dq, dk, dv};
  if (p.exponentials) {
    additive_gradient<FromExponentials>(g);
  } else {
    additive_gradient<FromSums>(g);
  }
}

// dq[ld_features] of a single query alone.
inline void query_gradient(const Scoring& s, const Pairs& p, const float* ds, float* dq) {
  const int64_t ld = s.ld_features;
  if (!s.additive()) {
    combine({ds, p.keys, 1}, 1, p.k, ld, p.keys, dq, ld, ld, false);
  } else if (p.exponentials) {
    additive_query_gradient<FromExponentials>(p.q, p.k, p.keys, ld, p.v, ds, dq);
  } else {
    additive_query_gradient<FromSums>(p.q, p.k, p.keys, ld, p.v, ds, dq);
  }
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_ATTENTION_ATTENTION_H_

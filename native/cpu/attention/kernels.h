// The loops of attention over one row of the batch: n queries against m keys, all of them rows of
// `stride` floats, whole vectors with zeros past their real width.
//
// Additive scores need tanh(q + k) for every pair and feature, which is all that such an attention
// costs. tanh(q + k) = 1 - 2 / (e^2q e^2k + 1), so exponentials are taken of the queries and of the
// keys alone, and a pair costs a multiply-add and a division: a third of the time of a tanh. The
// error stays that of rounding (under 4 * 2^-24 in absolute terms), while e^2q and e^2k neither
// overflow nor vanish, which holds for |q|, |k| <= kMostExponent; rows beyond that take the tanh
// itself.
#ifndef RNNATIVE_CPU_ATTENTION_KERNELS_H_
#define RNNATIVE_CPU_ATTENTION_KERNELS_H_

#include "native/cpu/gemm/kernel.h"
#include "native/cpu/simd/math.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr float kMostExponent = 43.0f;

// Half of tanh(q + k): from e^2q and e^2k, or from q and k.
struct FromExponentials {
  static RN_INLINE vf half_tanh(vf q, vf k) { return 0.5f - 1.0f / fma(q, k, splat(1.0f)); }
};
struct FromSums {
  static RN_INLINE vf half_tanh(vf q, vf k) { return 0.5f * tanh(q + k); }
};

// What a pair of features adds to a score, and the tile of pairs held in registers.
template <class Tanh>
struct AdditivePair {
  static constexpr int kRows = 2, kColumns = 4;
  static RN_INLINE vf add(vf q, vf k, const float* v, vf sum) {
    return fma(load(v), Tanh::half_tanh(q, k), sum);
  }
};
struct DotPair {
  static constexpr int kRows = 3, kColumns = 4;
  static RN_INLINE vf add(vf q, vf k, const float*, vf sum) { return fma(q, k, sum); }
};

template <class Pair, int kRows, int kColumns>
__attribute__((noinline)) void score_tile(const float* q, int64_t ldq, const float* k, int64_t ldk,
                                          const float* v, int64_t n, float scale, float* out,
                                          int64_t ldo) {
  vf acc[kRows][kColumns];
  clear(acc);
  for (int64_t x = 0; x < n; x += kLanes) {
    vf left[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) left[r] = load(q + r * ldq + x);
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) {
      const vf right = load(k + c * ldk + x);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) acc[r][c] = Pair::add(left[r], right, v + x, acc[r][c]);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int c = 0; c < kColumns; ++c) out[r * ldo + c] = scale * sum(acc[r][c]);
}

// out[i, j] = scale * the sum of Pair over the features of q_i and k_j, in order of the features
// whatever the tiles. n: floats of a row, whole vectors. v: [n] or NULL.
template <class Pair>
void score_pairs(const float* q, int64_t queries, int64_t ldq, const float* k, int64_t keys,
                 int64_t ldk, const float* v, int64_t n, float scale, float* out, int64_t ldo) {
  for (int64_t i = 0; i < queries; i += Pair::kRows)
    for (int64_t j = 0; j < keys; j += Pair::kColumns) {
      const int64_t rows = queries - i < Pair::kRows ? queries - i : Pair::kRows;
      const int64_t columns = keys - j < Pair::kColumns ? keys - j : Pair::kColumns;
      with_rows<Pair::kRows>(rows, [&]<int kRows>() __attribute__((always_inline)) {
        with_rows<Pair::kColumns>(columns, [&]<int kColumns>() __attribute__((always_inline)) {
          score_tile<Pair, kRows, kColumns>(q + i * ldq, ldq, k + j * ldk, ldk, v, n, scale,
                                            out + i * ldo + j, ldo);
        });
      });
    }
}

// c[i, j], read along either axis.
struct Coefficients {
  const float* data;
  int64_t row_stride, column_stride;
};

template <int kRows, int kVectors>
__attribute__((noinline)) void combine_tile(const Coefficients& c, const float* rows, int64_t ld,
                                            int64_t n, float* out, int64_t ldo, int64_t width,
                                            bool add) {
  vf acc[kRows][kVectors];
  clear(acc);
  multiply<F32>(acc, c.data, c.row_stride, c.column_stride, rows, ld, n);
  for (int r = 0; r < kRows; ++r, out += ldo)
    for (int v = 0; v < kVectors; ++v) {
      float* to = out + v * kLanes;
      const int64_t rest = width - v * kLanes;
      if (rest >= kLanes) {
        store(to, add ? load(to) + acc[r][v] : acc[r][v]);
      } else {
        store_first(to, add ? load_first(to, rest) + acc[r][v] : acc[r][v], rest);
      }
    }
}

template <int kRows, int kVectors>
void combine_tiles(const Coefficients& c, int64_t m, const float* rows, int64_t ld, int64_t n,
                   float* out, int64_t ldo, int64_t width, bool add) {
  for (int64_t i = 0; i < m; i += kRows) {
    const Coefficients from = {c.data + i * c.row_stride, c.row_stride, c.column_stride};
    with_rows<kRows>(
        m - i < kRows ? m - i : kRows, [&]<int kCount>() __attribute__((always_inline)) {
          combine_tile<kCount, kVectors>(from, rows, ld, n, out + i * ldo, ldo, width, add);
        });
  }
}

// out[i, :] (+)= sum over j < n of c[i, j] rows[j, :], in order of j, for m rows of `width` floats.
// The rows' last vector must be readable as a whole. Panels of columns are as narrow as a tile
// allows, so that those of `rows` stay in the L1 cache while all of `c` passes over them.
inline void combine(const Coefficients& c, int64_t m, const float* rows, int64_t ld, int64_t n,
                    float* out, int64_t ldo, int64_t width, bool add) {
  constexpr int kWide = 4;  // for one or two rows, whose few sums would wait for each other
  const int64_t panel = m <= 2 ? kWide * kLanes : kPanel;
  int64_t x = 0;
  for (; x + panel - kLanes < width; x += panel) {
    if (m <= 2) {
      combine_tiles<2, kWide>(c, m, rows + x, ld, n, out + x, ldo, width - x, add);
    } else {
      combine_tiles<kTileRows, kPanelVectors>(c, m, rows + x, ld, n, out + x, ldo, width - x, add);
    }
  }
  for (; x < width; x += kLanes)
    combine_tiles<kTileRows, 1>(c, m, rows + x, ld, n, out + x, ldo, width - x, add);
}

// What the gradient of additive scores reads and makes, for one row of the batch.
struct AdditiveGradient {
  const float *q, *k;  // [queries, ld], [keys, ld]: exponentials, or as they are
  int64_t ld, queries, keys;
  const float* v;   // [ld]
  const float* ds;  // [queries, ldds] gradients of the scores
  int64_t ldds;
  float *dq, *dk, *dv;  // [queries, ld], [keys, ld], [ld], assigned
};

template <class Tanh, int kColumns>
RN_INLINE vf additive_block(const AdditiveGradient& g, int64_t x, int64_t j, vf dv) {
  vf k[kColumns], dk[kColumns];
#pragma GCC unroll 8
  for (int c = 0; c < kColumns; ++c) {
    k[c] = load(g.k + (j + c) * g.ld + x);
    dk[c] = zero();
  }
  for (int64_t i = 0; i < g.queries; ++i) {
    const vf q = load(g.q + i * g.ld + x);
    const float* ds = g.ds + i * g.ldds + j;
    float* dq = g.dq + i * g.ld + x;
    vf sum = j == 0 ? zero() : load(dq);
#pragma GCC unroll 8
    for (int c = 0; c < kColumns; ++c) {
      const vf u = Tanh::half_tanh(q, k[c]), d = splat(ds[c]);
      const vf slope = d * fnma(u, u, splat(0.25f));
      dv = fma(d, u, dv);
      dk[c] += slope;
      sum += slope;
    }
    store(dq, sum);
  }
  const vf scale = 4.0f * load(g.v + x);
#pragma GCC unroll 8
  for (int c = 0; c < kColumns; ++c) store(g.dk + (j + c) * g.ld + x, dk[c] * scale);
  return dv;
}

// With t = tanh(q_i + k_j): dq_i = sum_j ds_ij v (1 - t^2), dk_j the same over i, dv = sum_ij ds_ij
// t. A column of a vector's width at a time, in which a few keys and their sums stay in registers.
template <class Tanh>
__attribute__((noinline)) void additive_gradient(const AdditiveGradient& g) {
  constexpr int kColumns = 4;
  for (int64_t x = 0; x < g.ld; x += kLanes) {
    vf dv = zero();
    for (int64_t j = 0; j < g.keys; j += kColumns)
      with_rows<kColumns>(g.keys - j < kColumns ? g.keys - j : kColumns,
                          [&]<int kCount>() __attribute__((always_inline)) {
                            dv = additive_block<Tanh, kCount>(g, x, j, dv);
                          });
    const vf scale = 4.0f * load(g.v + x);
    for (int64_t i = 0; i < g.queries; ++i) {
      float* dq = g.dq + i * g.ld + x;
      store(dq, load(dq) * scale);
    }
    store(g.dv + x, dv + dv);
  }
}

// dq of one query: sum_j ds_j v (1 - tanh(q + k_j)^2).
template <class Tanh>
__attribute__((noinline)) void additive_query_gradient(const float* q, const float* k, int64_t keys,
                                                       int64_t ld, const float* v, const float* ds,
                                                       float* dq) {
  for (int64_t x = 0; x < ld; x += kLanes) {
    const vf query = load(q + x);
    vf sum = zero();
    for (int64_t j = 0; j < keys; ++j) {
      const vf u = Tanh::half_tanh(query, load(k + j * ld + x));
      sum = fma(splat(ds[j]), fnma(u, u, splat(0.25f)), sum);
    }
    store(dq + x, 4.0f * load(v + x) * sum);
  }
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_ATTENTION_KERNELS_H_

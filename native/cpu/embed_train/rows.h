// The inner loops: one vector against several rows of a table. Rows are whole vectors long
// (RN_EMBED_UNIT), and each is read twice and written once, so a handful goes side by side: their
// products hide each other's latency and meet in one vector for the sigmoid.
//
// Threads write rows that others read and write at the same time, on purpose (Niu et al. 2011):
// plain vector loads and stores, of which the machine may interleave halves. A lost update is all
// that comes of it; every index is read from memory that nobody writes.
#ifndef RNNATIVE_CPU_EMBED_TRAIN_ROWS_H_
#define RNNATIVE_CPU_EMBED_TRAIN_ROWS_H_

#include "native/cpu/simd/math.h"
#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Rows that go side by side: a target and five negatives.
constexpr int kSide = 6;

RN_INLINE void prefetch_row(const float* row, int64_t features) {
  for (int64_t i = 0; i < features; i += 16) prefetch(row + i);
}

// y += x.
RN_INLINE void add_row(float* y, const float* x, int64_t features) {
  for (int64_t i = 0; i < features; i += kLanes) store(y + i, load(y + i) + load(x + i));
}

// scores[k] = x . rows[k].
template <int kRows>
RN_INLINE void dot_rows(const float* x, float* const* rows, int64_t features, float* scores) {
  vf sums[kRows] = {};
  for (int64_t i = 0; i < features; i += kLanes) {
    const vf value = load(x + i);
#pragma GCC unroll 8
    for (int k = 0; k < kRows; ++k) sums[k] = fma(value, load(rows[k] + i), sums[k]);
  }
#pragma GCC unroll 8
  for (int k = 0; k < kRows; ++k) scores[k] = sum(sums[k]);
}

// error += steps[k] * rows[k]; then, where they learn, rows[k] += steps[k] * x. A row that is there
// twice is moved twice.
template <int kRows, bool kLearns>
RN_INLINE void move_rows(const float* x, float* error, float* const* rows, const float* steps,
                         int64_t features) {
  vf by[kRows];
#pragma GCC unroll 8
  for (int k = 0; k < kRows; ++k) by[k] = splat(steps[k]);
  for (int64_t i = 0; i < features; i += kLanes) {
    const vf value = load(x + i);
    vf sum = load(error + i);
#pragma GCC unroll 8
    for (int k = 0; k < kRows; ++k) {
      const vf row = load(rows[k] + i);
      sum = fma(by[k], row, sum);
      if (kLearns) store(rows[k] + i, fma(by[k], value, row));
    }
    store(error + i, sum);
  }
}

// body(k, n) for runs of n rows from k on, n being a constant: all kSide, half of them or one.
template <class Body>
RN_INLINE void each_side(int64_t count, const Body& body) {
  int64_t k = 0;
  for (; k + kSide <= count; k += kSide) body.template operator()<kSide>(k);
  for (; k + kSide / 2 <= count; k += kSide / 2) body.template operator()<kSide / 2>(k);
  for (; k < count; ++k) body.template operator()<1>(k);
}

// p[0 .. n - 1] = sigmoid; what is behind them up to a whole vector is overwritten, too.
RN_INLINE void sigmoids(float* p, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store(p + i, sigmoid(load(p + i)));
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_EMBED_TRAIN_ROWS_H_

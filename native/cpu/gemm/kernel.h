// The register-tiled inner loop that every matrix product ends in, the recurrent steps included.
//
// A tile of kRows x kVectors sums lives in registers for the whole loop. Each turn loads one row of
// the packed B panel (kVectors vectors, contiguous) and one element of each row of A, and keeps the
// smaller of the two sets in registers: 6 x 2 tiles hold B, 3 x 4 tiles hold A. Both need 7-8 loads
// for 12 multiply-adds, so the multiply-add ports stay the bottleneck; turns are unrolled because a
// core shared with a busy hyperthread has only half of the instruction slots. A tile of few rows
// has too few sums to hide the latency of the multiply-adds: it takes two panels at once
// (kFewRows). Every sum is formed in order of k with fused multiply-adds, whatever the tile's
// shape: rows cut into tiles differently agree bit for bit.
#ifndef RNNATIVE_CPU_GEMM_KERNEL_H_
#define RNNATIVE_CPU_GEMM_KERNEL_H_

#include "native/cpu/gemm/element.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// The GEMM's tile: kTileRows rows of A by a panel of two vectors of B.
constexpr int kPanelVectors = 2;
constexpr int kPanel = kPanelVectors * kLanes;
constexpr int kTileRows = kAccumulators / kPanelVectors;
// So many rows may take two panels at once.
constexpr int kFewRows = kTileRows / 2;
// One row uses what it fetches once, and waits for it: panels are fetched so many turns ahead,
// enough for weights that come from memory.
constexpr int kTurnsAhead = 64;

// Processors with 64-byte vectors have an L2 cache of 1 MiB or more, from which panels stream as
// fast as a tile takes them. Elsewhere blocks of a panel are cut to stay in L1.
constexpr bool kStreamsFromL2 = RN_VECTOR_BYTES == 64;

template <int kRows, int kVectors>
RN_INLINE void clear(vf (&acc)[kRows][kVectors]) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v] = zero();
}

// Fetched into L2 while a product runs: nothing, or a line of the caches a turn, which weights from
// beyond L2 need; more at a time would hold up the product's own loads.
struct FetchNothing {
  RN_INLINE void turn() {}
};
struct FetchLines {
  const char* data;
  int64_t step;  // 64, or 0: nothing, `data` being something near
  RN_INLINE void turn() {
    prefetch_l2(data);
    data += step;
  }
};

// acc[r][v] += the product of row r of A and column vector v of B over `turns` turns (element.h).
// Turn i of A's row r is at a + r * row_stride + i * turn_stride, of B's first vector at b +
// i * b_stride. With a kWidth, B is panels of so many vectors, panel_stride elements apart.
template <class E, int kWidth = 0, int kRows, int kVectors, class Fetch = FetchNothing>
RN_INLINE void multiply(vf (&acc)[kRows][kVectors], const typename E::Left* a, int64_t row_stride,
                        int64_t turn_stride, const typename E::Right* b, int64_t b_stride,
                        int64_t turns, int64_t panel_stride = 0, Fetch fetch = {}) {
  constexpr int kPer = kWidth > 0 ? kWidth : kVectors;
  const auto column = [=](int v) __attribute__((always_inline)) {
    return v / kPer * panel_stride + v % kPer * kLanes;
  };
#pragma GCC unroll 4
  for (int64_t i = 0; i < turns; ++i, a += turn_stride, b += b_stride) {
    if constexpr (kRows > 1) {
      fetch.turn();
    } else {
      constexpr int kLine = 64 / (int)(sizeof(*b) * kLanes);  // vectors in a line of the caches
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; v += kLine) prefetch(b + kTurnsAhead * b_stride + column(v));
    }
    if constexpr (kRows < kVectors) {
      decltype(E::left(a)) left[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) left[r] = E::left(a + r * row_stride);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        const auto right = E::right(b + column(v));
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) acc[r][v] = E::multiply_add(left[r], right, acc[r][v]);
      }
    } else {
      decltype(E::right(b)) right[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) right[v] = E::right(b + column(v));
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const auto left = E::left(a + r * row_stride);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[r][v] = E::multiply_add(left, right[v], acc[r][v]);
      }
    }
  }
}

// Calls body.template operator()<rows>() for the given number of rows, 1 <= rows <= kMax.
template <int kMax, class Body>
RN_INLINE void with_rows(int64_t rows, const Body& body) {
  if constexpr (kMax > 1) {
    if (rows < kMax) {
      with_rows<kMax - 1>(rows, body);
      return;
    }
  }
  body.template operator()<kMax>();
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_GEMM_KERNEL_H_

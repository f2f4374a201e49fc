// Square blocks of kLanes x kLanes values transposed in registers.
#ifndef RNNATIVE_CPU_SIMD_TRANSPOSE_H_
#define RNNATIVE_CPU_SIMD_TRANSPOSE_H_

#include <utility>

#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// a and b lane by lane in turn, from lane `kFirst` of each on.
template <int kFirst, int... kLane>
RN_INLINE vf interleave(vf a, vf b, std::integer_sequence<int, kLane...>) {
#if __has_builtin(__builtin_shufflevector)
  return __builtin_shufflevector(a, b, (kFirst + kLane / 2 + (kLane % 2 ? kLanes : 0))...);
#else
  return __builtin_shuffle(a, b, (vi){(kFirst + kLane / 2 + (kLane % 2 ? kLanes : 0))...});
#endif
}

// Lane j of x[i] becomes lane i of x[j]: a riffle of the first half of the vectors with the second,
// log2(kLanes) times.
RN_INLINE void transpose(vf (&x)[kLanes]) {
  constexpr int kHalf = kLanes / 2;
  constexpr std::make_integer_sequence<int, kLanes> kEach;
#pragma GCC unroll 4
  for (int round = 1; round < kLanes; round *= 2) {
    vf y[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kHalf; ++i) {
      y[2 * i] = interleave<0>(x[i], x[i + kHalf], kEach);
      y[2 * i + 1] = interleave<kHalf>(x[i], x[i + kHalf], kEach);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) x[i] = y[i];
  }
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_SIMD_TRANSPOSE_H_

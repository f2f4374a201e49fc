// Conversion to bf16: the upper half of an f32 (sign, 8 bits of exponent, 7 of fraction), rounded
// to nearest, ties to even. A NaN stays a NaN (quiet, its sign and upper payload kept), infinities
// stay, denormals are rounded like all else, and what is beyond the largest bf16 becomes infinite.
#ifndef RNNATIVE_CPU_SIMD_BF16_H_
#define RNNATIVE_CPU_SIMD_BF16_H_

#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// As f32, whose lower half is zero.
RN_INLINE vf round_bf16(vf x) {
  const vu bits = (vu)x;
  const vf rounded = (vf)(bits + 0x7fffu + ((bits >> 16) & 1u));
  return (vf)((vu)select(x == x, rounded, (vf)(bits | 0x00400000u)) & 0xffff0000u);
}
// As pairs.
RN_INLINE vu to_pairs(vf even, vf odd) {
  return ((vu)round_bf16(even) >> 16) | (vu)round_bf16(odd);
}
// As kLanes bf16 in a row.
RN_INLINE void store_bf16(uint16_t* p, vf x) {
  store_upper(p, round_bf16(x));
}
// The first n lanes.
RN_INLINE void store_first_bf16(uint16_t* p, vf x, int64_t n) {
  uint16_t lanes[kLanes];
  store_bf16(lanes, x);
  memcpy(p, lanes, (size_t)n * sizeof(uint16_t));
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_SIMD_BF16_H_

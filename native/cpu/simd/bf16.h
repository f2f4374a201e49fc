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
// As pairs, the first of each in the low half. The instruction takes denormals for zero, as that
// which multiplies pairs does (dot_pairs).
RN_INLINE vu to_pairs(vf even, vf odd) {
#if defined(__AVX512BF16__)
  const __m512i apart = (__m512i)_mm512_cvtne2ps_pbh((__m512)odd, (__m512)even);
  alignas(64) static constexpr uint16_t kOrder[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                      21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                      11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return (vu)_mm512_maskz_permutexvar_epi16(0xffffffffu, _mm512_load_si512(kOrder), apart);
#else
  return ((vu)round_bf16(even) >> 16) | (vu)round_bf16(odd);
#endif
}
// 2 * kLanes values that follow one another, as pairs.
RN_INLINE vu load_pairs(const float* p) {
  const vf low = load(p), high = load(p + kLanes);
#if defined(__AVX512BF16__)
  return (vu)(__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
#else
  vf even = {}, odd = {};
  for (int i = 0; i < kLanes / 2; ++i) {
    even[i] = low[2 * i], even[kLanes / 2 + i] = high[2 * i];
    odd[i] = low[2 * i + 1], odd[kLanes / 2 + i] = high[2 * i + 1];
  }
  return to_pairs(even, odd);
#endif
}
// As kLanes bf16 in a row.
RN_INLINE void store_bf16(uint16_t* p, vf x) {
#if defined(__AVX512BF16__)  // denormals: as in to_pairs
  _mm256_storeu_si256((__m256i*)p, (__m256i)_mm512_cvtneps_pbh((__m512)x));
#else
  store_upper(p, round_bf16(x));
#endif
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

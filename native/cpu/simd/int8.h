// Products of four int8 a lane, summed in int32.
#ifndef RNNATIVE_CPU_SIMD_INT8_H_
#define RNNATIVE_CPU_SIMD_INT8_H_

#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// What is added to the bytes of a left operand: VNNI takes them unsigned.
#if defined(__AVX512VNNI__)
constexpr int kOffset = 128;
#else
constexpr int kOffset = 0;
#endif

#if defined(__AVX2__) && RN_VECTOR_BYTES >= 32 && !defined(__AVX512F__)
// Pairs of products never exceed an int16, since no operand is -128.
RN_INLINE __m256i dot_bytes_avx2(__m256i a, __m256i b) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#endif

// c + the sum of the four products of a lane's bytes: a's with kOffset, b's of -127 .. 127.
RN_INLINE vi dot_bytes(vi a, vi b, vi c) {
#if defined(__AVX512VNNI__)
  return (vi)_mm512_dpbusd_epi32((__m512i)c, (__m512i)a, (__m512i)b);
#elif defined(__AVX512F__)
  const __m512i signed_b = _mm512_mask_sub_epi8((__m512i)b, _mm512_movepi8_mask((__m512i)a),
                                                _mm512_setzero_si512(), (__m512i)b);
  const __m512i absolute = _mm512_maskz_abs_epi8(~(__mmask64)0, (__m512i)a);
  const __m512i pairs = _mm512_maddubs_epi16(absolute, signed_b);
  return c + (vi)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
#elif defined(__AVX2__) && RN_VECTOR_BYTES == 32
  return c + (vi)dot_bytes_avx2((__m256i)a, (__m256i)b);
#elif defined(__AVX2__) && RN_VECTOR_BYTES == 64  // the avx512 variants emulated in tests
  union {
    vi v;
    __m256i h[2];
  } x = {a}, y = {b}, r;
  r.h[0] = dot_bytes_avx2(x.h[0], y.h[0]);
  r.h[1] = dot_bytes_avx2(x.h[1], y.h[1]);
  return c + r.v;
#elif defined(__SSE2__) && RN_VECTOR_BYTES == 16
  const auto even = [](vi x) { return _mm_srai_epi16(_mm_slli_epi16((__m128i)x, 8), 8); };
  const auto odd = [](vi x) { return _mm_srai_epi16((__m128i)x, 8); };
  return c + (vi)_mm_madd_epi16(even(a), even(b)) + (vi)_mm_madd_epi16(odd(a), odd(b));
#else
  vi sum = c;
  for (int i = 0; i < 4; ++i) {
    const int up = 24 - 8 * i;
    sum = sum + ((vi)((vu)a << up) >> 24) * ((vi)((vu)b << up) >> 24);
  }
  return sum;
#endif
}

// The low byte of each lane.
RN_INLINE void store_bytes(uint8_t* p, vi x) {
#if defined(__AVX512F__)
  _mm_storeu_si128((__m128i*)p, _mm512_maskz_cvtepi32_epi8(0xffff, (__m512i)x));
#else
  for (int i = 0; i < kLanes; ++i) p[i] = (uint8_t)x[i];
#endif
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_SIMD_INT8_H_

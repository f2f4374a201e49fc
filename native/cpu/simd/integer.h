// The one integer operation that vector extensions lack: 32 x 32 -> 64 bit products, of which
// Philox is made.
#ifndef RNNATIVE_CPU_SIMD_INTEGER_H_
#define RNNATIVE_CPU_SIMD_INTEGER_H_

#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

typedef uint64_t vul __attribute__((vector_size(RN_VECTOR_BYTES)));
constexpr int kLongs = RN_VECTOR_BYTES / 8;

RN_INLINE vul splat_long(uint64_t x) {
  return x - (vul){};
}

// The products of the low halves of each 64-bit lane.
RN_INLINE vul multiply_low(vul a, vul b) {
#if defined(__AVX512F__)
  return (vul)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__) && RN_VECTOR_BYTES == 32
  return (vul)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__AVX2__) && RN_VECTOR_BYTES == 64  // the avx512 variant emulated in tests
  union {
    vul v;
    __m256i h[2];
  } x = {a}, y = {b}, r;
  r.h[0] = _mm256_mul_epu32(x.h[0], y.h[0]);
  r.h[1] = _mm256_mul_epu32(x.h[1], y.h[1]);
  return r.v;
#elif defined(__x86_64__)
  return (vul)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif defined(__aarch64__)
  return (vul)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_SIMD_INTEGER_H_

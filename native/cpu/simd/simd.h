// The vector layer of the CPU backend: one float vector type `vf` of RN_VECTOR_BYTES bytes and the
// few operations that the kernels need. GCC's and Clang's vector extensions give arithmetic,
// comparisons and conversions portably (a + b, a < b, m ? a : b), so that one kernel source serves
// SSE2, AVX2, AVX-512 and NEON; only what they lack (fused multiply-add, masked tails) is written
// per instruction set. This is the one place with #ifdef.
//
// Everything lies in an unnamed namespace inside rnnative::cpu::RN_ISA: a symbol of one instruction
// set must never be merged by the linker with another's.
#ifndef RNNATIVE_CPU_SIMD_SIMD_H_
#define RNNATIVE_CPU_SIMD_SIMD_H_

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define RN_INLINE __attribute__((always_inline)) inline
// A function that stays one: neither inlined nor copied for what is known where it is called.
#ifdef __clang__
#define RN_NEVER_INLINE __attribute__((noinline))
#else
#define RN_NEVER_INLINE __attribute__((noinline, noclone))
#endif
#define RN_JOIN_(a, b) a##b
#define RN_JOIN(a, b) RN_JOIN_(a, b)  // joins after expanding: RN_JOIN(x_, RN_ISA) is x_avx2
#define RN_STRING_(a) #a
#define RN_STRING(a) RN_STRING_(a)

namespace rnnative::cpu::RN_ISA {
namespace {

typedef float vf __attribute__((vector_size(RN_VECTOR_BYTES)));
typedef int32_t vi __attribute__((vector_size(RN_VECTOR_BYTES)));
typedef uint32_t vu __attribute__((vector_size(RN_VECTOR_BYTES)));
typedef float vf_unaligned __attribute__((vector_size(RN_VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t vi_unaligned __attribute__((vector_size(RN_VECTOR_BYTES), aligned(4), may_alias));

// Floats in a vector.
constexpr int kLanes = RN_VECTOR_BYTES / 4;
// Registers that a micro-kernel may hold its sums in; the others take operands.
#if RN_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int kAccumulators = 24;
#else
constexpr int kAccumulators = 12;
#endif
// Whether one instruction multiplies pairs of bf16 and adds both products to f32 (dot_pairs).
#if defined(RN_ISA_AVX512BF16)
constexpr bool kDotsPairs = true;
#else
constexpr bool kDotsPairs = false;
#endif

constexpr int64_t round_up(int64_t n, int64_t to) {
  return (n + to - 1) / to * to;
}

RN_INLINE vf splat(float x) {
  return x - (vf){};
}
RN_INLINE vi splat_int(int32_t x) {
  return x - (vi){};
}
RN_INLINE vf zero() {
  return (vf){};
}

// Loads and stores need no alignment beyond a float's.
RN_INLINE vf load(const float* p) {
  return *(const vf_unaligned*)p;
}
RN_INLINE void store(float* p, vf x) {
  *(vf_unaligned*)p = x;
}
RN_INLINE vi load_int(const int32_t* p) {
  return *(const vi_unaligned*)p;
}
RN_INLINE void store_int(int32_t* p, vi x) {
  *(vi_unaligned*)p = x;
}

// The first n lanes, 0 <= n <= kLanes; memory past them is not touched, and loads give zeros there.
#if defined(__AVX512F__)
RN_INLINE vf load_first(const float* p, int64_t n) {
  return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
RN_INLINE void store_first(float* p, vf x, int64_t n) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
}
#elif defined(__AVX2__) && RN_VECTOR_BYTES == 32
RN_INLINE __m256i first_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
RN_INLINE vf load_first(const float* p, int64_t n) {
  return (vf)_mm256_maskload_ps(p, first_lanes(n));
}
RN_INLINE void store_first(float* p, vf x, int64_t n) {
  _mm256_maskstore_ps(p, first_lanes(n), (__m256)x);
}
#else
RN_INLINE vf load_first(const float* p, int64_t n) {
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
RN_INLINE void store_first(float* p, vf x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = x[i];
}
#endif

// a * b + c, rounded once where the instruction set can, else twice.
RN_INLINE vf fma(vf a, vf b, vf c) {
#if defined(__AVX512F__)
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__) && RN_VECTOR_BYTES == 32
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__FMA__) && RN_VECTOR_BYTES == 64  // the avx512 variant emulated in tests
  typedef float half __attribute__((vector_size(32)));
  union {
    vf v;
    half h[2];
  } x = {a}, y = {b}, z = {c}, r;
  r.h[0] = (half)_mm256_fmadd_ps((__m256)x.h[0], (__m256)y.h[0], (__m256)z.h[0]);
  r.h[1] = (half)_mm256_fmadd_ps((__m256)x.h[1], (__m256)y.h[1], (__m256)z.h[1]);
  return r.v;
#elif defined(__aarch64__)
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}
// c - a * b.
RN_INLINE vf fnma(vf a, vf b, vf c) {
  return fma(-a, b, c);
}

// The upper halves of kLanes f32, which are bf16; loads give zeros below them. In intrinsics, since
// GCC 12 makes several instructions of such a conversion.
typedef uint16_t vh __attribute__((vector_size(RN_VECTOR_BYTES / 2)));
RN_INLINE vf load_upper(const uint16_t* p) {
#if defined(__AVX512F__)
  const __m256i halves = _mm256_loadu_si256((const __m256i*)p);
  return (vf)((vu)_mm512_maskz_cvtepu16_epi32(0xffff, halves) << 16);
#elif defined(__AVX2__) && RN_VECTOR_BYTES == 32
  return (vf)((vu)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)) << 16);
#else
  vh halves;
  memcpy(&halves, p, sizeof(halves));
  return (vf)(__builtin_convertvector(halves, vu) << 16);
#endif
}
RN_INLINE void store_upper(uint16_t* p, vf x) {
  const vu upper = (vu)x >> 16;
#if defined(__AVX512F__)
  _mm256_storeu_si256((__m256i*)p, _mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)upper));
#elif defined(__AVX2__) && RN_VECTOR_BYTES == 32
  const __m256i pairs = _mm256_packus_epi32((__m256i)upper, (__m256i)upper);  // within 16 bytes
  _mm_storeu_si128((__m128i*)p, _mm256_castsi256_si128(_mm256_permute4x64_epi64(pairs, 0x08)));
#else
  const vh halves = __builtin_convertvector(upper, vh);
  memcpy(p, &halves, sizeof(halves));
#endif
}
// c + a.even * b.even + a.odd * b.odd, where a lane of a and b holds two bf16, the even one in the
// low half. The instruction takes denormal operands for zero; elsewhere (the avx512bf16 variant
// emulated in tests) they count.
RN_INLINE vf dot_pairs(vu a, vu b, vf c) {
#if defined(__AVX512BF16__)
  return (vf)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b);
#else
  const vf even = fma((vf)(a << 16), (vf)(b << 16), c);
  return fma((vf)(a & 0xffff0000u), (vf)(b & 0xffff0000u), even);
#endif
}

// Lane i of m is all ones or all zeros, as comparisons give.
RN_INLINE vf select(vi m, vf a, vf b) {
  return (vf)((m & (vi)a) | (~m & (vi)b));
}
// Both return b where either operand is NaN.
#if defined(__AVX512F__)  // masked: GCC 12 warns about the plain ones
RN_INLINE vf max(vf a, vf b) {
  return (vf)_mm512_maskz_max_ps(0xffff, (__m512)a, (__m512)b);
}
RN_INLINE vf min(vf a, vf b) {
  return (vf)_mm512_maskz_min_ps(0xffff, (__m512)a, (__m512)b);
}
#elif defined(__AVX__) && RN_VECTOR_BYTES == 32
RN_INLINE vf max(vf a, vf b) {
  return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}
RN_INLINE vf min(vf a, vf b) {
  return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}
#elif defined(__SSE2__) && RN_VECTOR_BYTES == 16
RN_INLINE vf max(vf a, vf b) {
  return (vf)_mm_max_ps((__m128)a, (__m128)b);
}
RN_INLINE vf min(vf a, vf b) {
  return (vf)_mm_min_ps((__m128)a, (__m128)b);
}
#else
RN_INLINE vf max(vf a, vf b) {
  return a > b ? a : b;
}
RN_INLINE vf min(vf a, vf b) {
  return a < b ? a : b;
}
#endif
RN_INLINE vf abs(vf a) {
  return (vf)((vi)a & splat_int(0x7fffffff));
}
// |a| with b's sign.
RN_INLINE vf copysign(vf a, vf b) {
  const vi sign = splat_int((int32_t)0x80000000u);
  return (vf)(((vi)a & ~sign) | ((vi)b & sign));
}
RN_INLINE vf sqrt(vf a) {
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_sqrt_ps(0xffff, (__m512)a);  // as max
#elif defined(__AVX__) && RN_VECTOR_BYTES == 32
  return (vf)_mm256_sqrt_ps((__m256)a);
#elif defined(__aarch64__)
  return (vf)vsqrtq_f32((float32x4_t)a);
#else
  for (int i = 0; i < kLanes; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
#endif
}

// Conversion truncates; out-of-range lanes are unspecified.
RN_INLINE vi to_int(vf a) {
  return __builtin_convertvector(a, vi);
}
RN_INLINE vf to_float(vi a) {
  return __builtin_convertvector(a, vf);
}

// Horizontal results, in a fixed order: halves folded onto each other.
RN_INLINE float sum(vf a) {
  float x[kLanes];
  store(x, a);
  for (int n = kLanes / 2; n > 0; n /= 2)
    for (int i = 0; i < n; ++i) x[i] += x[i + n];
  return x[0];
}
// NaN lanes may be lost: the maximum of the others or NaN.
RN_INLINE float max_of(vf a) {
  float x[kLanes];
  store(x, a);
  for (int n = kLanes / 2; n > 0; n /= 2)
    for (int i = 0; i < n; ++i) x[i] = x[i] > x[i + n] ? x[i] : x[i + n];
  return x[0];
}

RN_INLINE void prefetch(const void* p) {
  __builtin_prefetch(p, 0, 3);
}
RN_INLINE void prefetch_l2(const void* p) {
  __builtin_prefetch(p, 0, 2);
}

// A polite busy-wait.
RN_INLINE void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_SIMD_SIMD_H_

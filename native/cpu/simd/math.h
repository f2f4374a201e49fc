// Vectorised exp, log, sigmoid and tanh. Straight-line code: no tables and no branches, so that the
// cells can interleave several of them. NaN propagates; the limits at +-inf are exact.
//
// Largest errors over every 37th float, against libm in double, in ULP: exp 1.01 (0.75 where the
// result is denormal), log 0.80, sigmoid 2.44 (results below 2^-126 may be flushed to zero), tanh
// 2.6. A rational tanh of 4.7 ULP took half of the instructions, but near saturation its error was
// too large a part of the gradient 1 - tanh^2.
#ifndef RNNATIVE_CPU_SIMD_MATH_H_
#define RNNATIVE_CPU_SIMD_MATH_H_

#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// x = n ln 2 + r with |r| <= ln 2 / 2. `reduced` gives e^r - 1, to 3e-9 before rounding (a minimax
// polynomial).
struct ExpParts {
  vf reduced;
  vi shifted;  // its low bits are n + 127: an exponent field
};
constexpr float kExpMagic = 12583039.0f;  // 1.5 * 2^23 + 127: adding it rounds to an integer
// |x| <= 128 ln 2 or NaN.
RN_INLINE ExpParts exp_parts(vf x) {
  const vf magic = splat(kExpMagic);
  const vf shifted = fma(x, splat(1.44269504088896341f), magic);
  const vf n = shifted - magic;
  vf r = fma(n, splat(-0.693359375f), x);
  r = fma(n, splat(2.12194440e-4f), r);
  // Pairs first (Estrin): a shorter chain than Horner's.
  const vf r2 = r * r;
  const vf middle = fma(r, splat(8.36874514e-3f), splat(4.16683908e-2f));
  const vf low = fma(r, splat(1.66665204e-1f), splat(4.99999934e-1f));
  const vf p = fma(fma(r2, splat(1.38145399e-3f), middle), r2, low);
  return {fma(p, r2, r), (vi)shifted};
}
// 2^n for -126 <= n <= 127; infinity for n = 128.
RN_INLINE vf scale_of(const ExpParts& e) {
  return (vf)(e.shifted << 23);
}
RN_INLINE vf power_of_two(vi n) {
  return (vf)((n + 127) << 23);
}

// Denormal results are produced, not flushed.
RN_INLINE vf exp(vf x) {
  const ExpParts e = exp_parts(max(splat(-104.0f), min(splat(89.0f), x)));
  const vi n = e.shifted - (vi)splat(kExpMagic), half = n >> 1;
  return (1.0f + e.reduced) * power_of_two(half) * power_of_two(n - half);
}

// 1 / (1 + e^-x). Exactly 0 below about -88.4, where the true value is denormal.
RN_INLINE vf sigmoid(vf x) {
  const ExpParts e = exp_parts(max(splat(-87.0f), min(splat(89.0f), -x)));
  return 1.0f / fma(1.0f + e.reduced, scale_of(e), splat(1.0f));
}

// m / (m + 2) with m = e^2|x| - 1, free of cancellation for small x.
RN_INLINE vf tanh(vf x) {
  const vf magnitude = abs(x);
  const ExpParts e = exp_parts(min(splat(20.0f), magnitude + magnitude));
  const vf scale = scale_of(e);
  const vf m = fma(e.reduced, scale, scale - 1.0f);
  return copysign(m / (m + 2.0f), x);
}

// Natural logarithm; -inf at 0, NaN below. Denormal arguments are handled.
RN_INLINE vf log(vf x) {
  const vi tiny = x < 1.17549435e-38f;
  const vf scaled = select(tiny, x * 8388608.0f, x);
  const vi bits = (vi)scaled;
  vi exponent = ((bits >> 23) & 0xff) - 126 - (tiny & 23);
  vf mantissa = (vf)((bits & 0x007fffff) | 0x3f000000);  // [0.5, 1)
  const vi low = mantissa < 0.707106781186547524f;
  exponent += low;  // low lanes are -1
  mantissa = mantissa + select(low, mantissa, zero()) - 1.0f;
  const vf z = mantissa * mantissa, e = to_float(exponent);
  vf p = fma(mantissa, splat(7.0376836292e-2f), splat(-1.1514610310e-1f));
  p = fma(p, mantissa, splat(1.1676998740e-1f));
  p = fma(p, mantissa, splat(-1.2420140846e-1f));
  p = fma(p, mantissa, splat(1.4249322787e-1f));
  p = fma(p, mantissa, splat(-1.6668057665e-1f));
  p = fma(p, mantissa, splat(2.0000714765e-1f));
  p = fma(p, mantissa, splat(-2.4999993993e-1f));
  p = fma(p, mantissa, splat(3.3333331174e-1f));
  vf y = p * (mantissa * z);
  y = fma(e, splat(-2.12194440e-4f), y);
  y = fma(z, splat(-0.5f), y);
  y = fma(e, splat(0.693359375f), mantissa + y);
  const vf infinity = splat(__builtin_inff());
  y = select(x == infinity, infinity, y);
  y = select(x == 0.0f, -infinity, y);
  y = select(x < 0.0f, splat(__builtin_nanf("")), y);
  return select(x != x, x, y);
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_SIMD_MATH_H_

// What operands are while they are multiplied: F32, or Bf16 (rounded to bf16, summed in f32).
//
// The inner loop advances by turns of kDepth values of k. A turn takes one Left of each row of the
// left operand and one Right of each column of the packed right operand. Where an instruction
// multiplies pairs of bf16, a turn is two values of k and either operand a pair (the even k in the
// low half), k being padded with a zero. Elsewhere a turn is one value of k: the right operand is a
// bf16 that is widened in the loop, the left one an f32 rounded to bf16 before, since widening it
// too would cost an instruction per row. Rounding is done here, when operands are laid out, never
// in the loop.
#ifndef RNNATIVE_CPU_GEMM_ELEMENT_H_
#define RNNATIVE_CPU_GEMM_ELEMENT_H_

#include "native/abi/backend.h"
#include "native/cpu/simd/bf16.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct F32 {
  static constexpr int32_t kPrecision = RN_PRECISION_F32;
  static constexpr int kDepth = 1;
  typedef float Left;
  typedef float Right;

  // What multiply_add takes: a left unit in every lane, kLanes columns of the right operand.
  static RN_INLINE vf left(const Left* p) { return splat(*p); }
  static RN_INLINE vf right(const Right* p) { return load(p); }
  static RN_INLINE vf multiply_add(vf a, vf b, vf c) { return fma(a, b, c); }

  // Packing: kLanes rows or columns of a turn. Values of k are ld apart from p on; `length` of them
  // exist. Also kLanes turns of a row or column whose values follow one another, as the left or
  // right operand's, and kLanes columns of a turn.
  static RN_INLINE vf left_lanes(const float* p, int64_t ld, int64_t turn, int64_t) {
    return load(p + turn * ld);
  }
  static RN_INLINE vf left_turns(const float* p) { return load(p); }
  static RN_INLINE vf right_turns(const float* p) { return load(p); }
  static RN_INLINE void store_right(Right* out, vf x) { store(out, x); }
  static RN_INLINE void pack_lanes(const float* p, int64_t ld, int64_t turn, int64_t, Right* out) {
    store_right(out, load(p + turn * ld));
  }
  // body(turn, unit) over one row or column whose `length` values of k are `stride` apart.
  template <class Body>
  static RN_INLINE void each_left(const float* p, int64_t stride, int64_t length,
                                  const Body& body) {
    for (int64_t i = 0; i < length; ++i) body(i, p[i * stride]);
  }
  template <class Body>
  static RN_INLINE void each_right(const float* p, int64_t stride, int64_t length,
                                   const Body& body) {
    each_left(p, stride, length, body);
  }
};

// body(i, rounded values i ..., count) over kMost values of a row at a time; an odd length is
// padded with a zero.
template <class Body>
RN_INLINE void each_rounded(const float* p, int64_t stride, int64_t length, const Body& body) {
  constexpr int64_t kMost = 128;
  alignas(64) float values[kMost];
  for (int64_t i0 = 0; i0 < length; i0 += kMost) {
    const int64_t n = length - i0 < kMost ? length - i0 : kMost;
    for (int64_t i = 0; i < n; i += kLanes) {
      vf x;
      if (stride == 1) {
        x = n - i >= kLanes ? load(p + i0 + i) : load_first(p + i0 + i, n - i);
      } else {
        for (int lane = 0; lane < kLanes; ++lane)
          x[lane] = i + lane < n ? p[(i0 + i + lane) * stride] : 0.0f;
      }
      store(values + i, round_bf16(x));
    }
    body(i0, values, n);
  }
}

// Bf16 by widening.
struct Bf16Widened {
  static constexpr int32_t kPrecision = RN_PRECISION_BF16;
  static constexpr int kDepth = 1;
  typedef float Left;
  typedef uint16_t Right;

  static RN_INLINE vf left(const Left* p) { return splat(*p); }
  static RN_INLINE vf right(const Right* p) { return load_upper(p); }
  static RN_INLINE vf multiply_add(vf a, vf b, vf c) { return fma(a, b, c); }

  static RN_INLINE vf left_lanes(const float* p, int64_t ld, int64_t turn, int64_t) {
    return round_bf16(load(p + turn * ld));
  }
  static RN_INLINE vf left_turns(const float* p) { return round_bf16(load(p)); }
  static RN_INLINE vf right_turns(const float* p) { return load(p); }
  static RN_INLINE void store_right(Right* out, vf x) { store_bf16(out, x); }
  static RN_INLINE void pack_lanes(const float* p, int64_t ld, int64_t turn, int64_t, Right* out) {
    store_right(out, load(p + turn * ld));
  }
  template <class Body>
  static RN_INLINE void each_left(const float* p, int64_t stride, int64_t length,
                                  const Body& body) {
    each_rounded(p, stride, length, [&](int64_t i0, const float* values, int64_t n) {
      for (int64_t i = 0; i < n; ++i) body(i0 + i, values[i]);
    });
  }
  template <class Body>
  static RN_INLINE void each_right(const float* p, int64_t stride, int64_t length,
                                   const Body& body) {
    each_rounded(p, stride, length, [&](int64_t i0, const float* values, int64_t n) {
      for (int64_t i = 0; i < n; ++i) body(i0 + i, upper_half(values[i]));
    });
  }
  static RN_INLINE uint16_t upper_half(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return (uint16_t)(bits >> 16);
  }
};

// Bf16 in pairs.
struct Bf16Pairs {
  static constexpr int32_t kPrecision = RN_PRECISION_BF16;
  static constexpr int kDepth = 2;
  typedef uint32_t Pair __attribute__((may_alias));
  typedef Pair Left;
  typedef Pair Right;

  static RN_INLINE vu left(const Left* p) { return *p - (vu){}; }
  static RN_INLINE vu right(const Right* p) { return (vu)load_int((const int32_t*)p); }
  static RN_INLINE vf multiply_add(vu a, vu b, vf c) { return dot_pairs(a, b, c); }

  static RN_INLINE vf left_lanes(const float* p, int64_t ld, int64_t turn, int64_t length) {
    const float* even = p + 2 * turn * ld;
    return (vf)to_pairs(load(even), 2 * turn + 1 < length ? load(even + ld) : zero());
  }
  static RN_INLINE vf left_turns(const float* p) { return (vf)load_pairs(p); }
  static RN_INLINE vf right_turns(const float* p) { return (vf)load_pairs(p); }
  static RN_INLINE void store_right(Right* out, vf x) { store_int((int32_t*)out, (vi)x); }
  static RN_INLINE void pack_lanes(const float* p, int64_t ld, int64_t turn, int64_t length,
                                   Right* out) {
    store_int((int32_t*)out, (vi)left_lanes(p, ld, turn, length));
  }
  template <class Body>
  static RN_INLINE void each_left(const float* p, int64_t stride, int64_t length,
                                  const Body& body) {
    each_rounded(p, stride, length, [&](int64_t i0, const float* values, int64_t n) {
      for (int64_t i = 0; i < n; i += 2) {
        uint32_t bits[2];
        memcpy(bits, values + i, sizeof(bits));
        body((i0 + i) / 2, bits[0] >> 16 | bits[1]);
      }
    });
  }
  template <class Body>
  static RN_INLINE void each_right(const float* p, int64_t stride, int64_t length,
                                   const Body& body) {
    each_left(p, stride, length, body);
  }
};

template <bool kPairs>
struct Bf16Choice {
  typedef Bf16Pairs Type;
};
template <>
struct Bf16Choice<false> {
  typedef Bf16Widened Type;
};
typedef Bf16Choice<kDotsPairs>::Type Bf16;

// Turns that cover k.
template <class E>
constexpr int64_t turns_of(int64_t k) {
  return (k + E::kDepth - 1) / E::kDepth;
}

// Calls body.template operator()<E>() for a precision.
template <class Body>
RN_INLINE auto with_element(int32_t precision, const Body& body) {
  return precision == RN_PRECISION_BF16 ? body.template operator()<Bf16>()
                                        : body.template operator()<F32>();
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_GEMM_ELEMENT_H_

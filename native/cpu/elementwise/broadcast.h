// Broadcasting in canonical form, shared by the binary functions and their gradients: unit axes are
// dropped and neighbours merged where both operands allow it, so that every call ends as an inner
// loop along one axis, in which each operand is either contiguous or constant, under a few outer
// axes.
#ifndef RNNATIVE_CPU_ELEMENTWISE_BROADCAST_H_
#define RNNATIVE_CPU_ELEMENTWISE_BROADCAST_H_

#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct Axis {
  int64_t size;
  int64_t a, b, y;  // strides in elements; y is dense
};

struct Broadcast {
  int dims = 0;
  Axis axis[RN_MAX_DIMS];
  Axis inner = {1, 0, 0, 1};  // the last axis, taken out of axis[]
  int64_t outer = 1;          // product of axis[].size
};

// The elements at which position i of the outer axes starts.
struct Offsets {
  int64_t a, b, y;
};

inline Offsets offsets_at(const Broadcast& s, int64_t i) {
  Offsets at = {0, 0, 0};
  for (int d = s.dims - 1; d >= 0; --d) {
    const Axis& axis = s.axis[d];
    const int64_t index = i % axis.size;
    i /= axis.size;
    at.a += index * axis.a;
    at.b += index * axis.b;
    at.y += index * axis.y;
  }
  return at;
}

// No axis of `shape` may be 0. Operands being dense, the inner strides of a and b are 0 or 1.
inline Broadcast broadcast(int32_t dims, const int64_t* shape, const int64_t* a_strides,
                           const int64_t* b_strides) {
  Broadcast s;
  int64_t dense[RN_MAX_DIMS] = {};
  int64_t size = 1;
  for (int d = dims - 1; d >= 0; --d) {
    dense[d] = size;
    size *= shape[d];
  }
  for (int d = 0; d < dims; ++d) {
    if (shape[d] == 1) continue;
    const Axis next = {shape[d], a_strides[d], b_strides[d], dense[d]};
    Axis* last = s.dims > 0 ? &s.axis[s.dims - 1] : nullptr;
    if (last && last->a == next.a * next.size && last->b == next.b * next.size) {
      *last = {last->size * next.size, next.a, next.b, next.y};
    } else {
      s.axis[s.dims++] = next;
    }
  }
  if (s.dims > 0) s.inner = s.axis[--s.dims];
  for (int d = 0; d < s.dims; ++d) s.outer *= s.axis[d].size;
  return s;
}

inline bool empty(int32_t dims, const int64_t* shape) {
  for (int d = 0; d < dims; ++d)
    if (shape[d] == 0) return true;
  return false;
}

// The functions. value: f(a, b). slope_a, slope_b: dy times the partial derivatives.
struct Add {
  static RN_INLINE vf value(vf a, vf b) { return a + b; }
  static RN_INLINE vf slope_a(vf, vf, vf dy) { return dy; }
  static RN_INLINE vf slope_b(vf, vf, vf dy) { return dy; }
};
struct Sub {
  static RN_INLINE vf value(vf a, vf b) { return a - b; }
  static RN_INLINE vf slope_a(vf, vf, vf dy) { return dy; }
  static RN_INLINE vf slope_b(vf, vf, vf dy) { return -dy; }
};
struct Mul {
  static RN_INLINE vf value(vf a, vf b) { return a * b; }
  static RN_INLINE vf slope_a(vf, vf b, vf dy) { return dy * b; }
  static RN_INLINE vf slope_b(vf a, vf, vf dy) { return dy * a; }
};
struct Div {
  static RN_INLINE vf value(vf a, vf b) { return a / b; }
  static RN_INLINE vf slope_a(vf, vf b, vf dy) { return dy / b; }
  static RN_INLINE vf slope_b(vf a, vf b, vf dy) { return -dy * (a / b) / b; }
};
// NaN in either operand stays. Ties split in halves.
struct Maximum {
  static RN_INLINE vf value(vf a, vf b) { return select(a != a, a, max(a, b)); }
  static RN_INLINE vf slope_a(vf a, vf b, vf dy) {
    return select(a == b, 0.5f * dy, select(a > b, dy, zero()));
  }
  static RN_INLINE vf slope_b(vf a, vf b, vf dy) {
    return select(a == b, 0.5f * dy, select(a > b, zero(), dy));
  }
};
struct Minimum {
  static RN_INLINE vf value(vf a, vf b) { return select(a != a, a, min(a, b)); }
  static RN_INLINE vf slope_a(vf a, vf b, vf dy) {
    return select(a == b, 0.5f * dy, select(a < b, dy, zero()));
  }
  static RN_INLINE vf slope_b(vf a, vf b, vf dy) {
    return select(a == b, 0.5f * dy, select(a < b, zero(), dy));
  }
};

// An operand along the inner axis: a vector of neighbours, or one value in all lanes.
template <bool kVaries, class At>
RN_INLINE vf operand(const At& at, const float* p, int64_t i) {
  return kVaries ? at.load(p + i) : splat(*p);
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_ELEMENTWISE_BROADCAST_H_

// The functions of two operands. value: f(a, b). slope_a, slope_b: dy times the partial
// derivatives.
#ifndef RNNATIVE_CPU_ELEMENTWISE_FUNCTIONS_H_
#define RNNATIVE_CPU_ELEMENTWISE_FUNCTIONS_H_

#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

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

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_ELEMENTWISE_FUNCTIONS_H_

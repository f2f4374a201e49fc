// Softmax of one row and its gradient, for the op of that name and for attention.
#ifndef RNNATIVE_CPU_CORE_SOFTMAX_ROWS_H_
#define RNNATIVE_CPU_CORE_SOFTMAX_ROWS_H_

#include "native/cpu/core/loops.h"
#include "native/cpu/simd/math.h"

namespace rnnative::cpu::RN_ISA {
namespace {

inline float row_maximum(const float* x, int64_t n) {
  const float lowest = -__builtin_inff();
  vf best = splat(lowest);
  each_vector(0, n, [&](int64_t i, auto at) { best = max(best, at.keep(at.load(x + i), lowest)); });
  return max_of(best);
}

// The sum of e^x as e^shift * total; not finite if there is a NaN or no finite maximum.
struct ExpSum {
  float shift;
  double total;
  RN_INLINE bool finite() const { return total < __builtin_inf(); }
};
inline ExpSum exp_sum(const float* x, int64_t n) {
  const float most = row_maximum(x, n);
  const vf shift = splat(most);
  return {most, sum_lanes(n, [=](int64_t i, auto at) {
            return at.keep(exp(at.load(x + i) - shift), 0);
          })};
}

// y may be x.
inline void softmax_row(const float* x, float* y, int64_t n) {
  const vf shift = splat(row_maximum(x, n));
  const double total = sum_lanes(n, [=](int64_t i, auto at) {
    const vf e = exp(at.load(x + i) - shift);
    at.store(y + i, e);
    return at.keep(e, 0);
  });
  const vf scale = splat((float)(1.0 / total));
  each_vector(0, n, [=](int64_t i, auto at) { at.store(y + i, at.load(y + i) * scale); });
}

// dx (+)= y * (dy - sum(y * dy)).
template <bool kAdd>
void softmax_row_backward(const float* y, const float* dy, float* dx, int64_t n) {
  const vf dot = splat(
      (float)sum_lanes(n, [=](int64_t i, auto at) { return at.load(y + i) * at.load(dy + i); }));
  each_vector(0, n, [=](int64_t i, auto at) {
    put<kAdd>(at, dx + i, at.load(y + i) * (at.load(dy + i) - dot));
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_SOFTMAX_ROWS_H_

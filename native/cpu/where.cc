// Choice by a condition, with broadcasting. What is not chosen may be NaN: lanes are selected,
// never multiplied. The condition is moved as floats, which keeps its bits. The gradient of an
// operand is that of a binary function of (condition, operand): dy where it was chosen.
#include "native/abi/backend.h"
#include "native/cpu/core/broadcast_sum.h"

namespace rnnative::cpu::RN_ISA {
namespace {

RN_INLINE vi holds(vf condition) {
  return (vi)condition != splat_int(0);
}

template <bool kChosen>
struct Chosen {
  static RN_INLINE vf slope_a(vf, vf, vf) { return zero(); }
  static RN_INLINE vf slope_b(vf condition, vf, vf dy) {
    return kChosen ? select(holds(condition), dy, zero()) : select(holds(condition), zero(), dy);
  }
};

}  // namespace

int32_t where(RnContext* ctx, const RnWhere* args) {
  if (empty(args->dims, args->shape)) return RN_OK;
  // The third operand takes the place of y, which is dense and so needs no strides.
  const Broadcast s =
      align(args->dims, args->shape, args->condition_strides, args->a_strides, args->b_strides);
  const float* condition = (const float*)args->condition;
  const float *a = (const float*)args->a, *b = (const float*)args->b;
  float* y = (float*)args->y;
  const bool c_varies = s.inner.a != 0, a_varies = s.inner.b != 0, b_varies = s.inner.y != 0;
  const int64_t size = s.inner.size;
  each_piece(ctx, s, [=](const Offsets& o, int64_t first, int64_t last, int64_t row) {
    each_vector(first, last, [=](int64_t i, auto at) {
      const vi chosen = holds(operand(c_varies, at, condition + o.a, i));
      const vf left = operand(a_varies, at, a + o.b, i), right = operand(b_varies, at, b + o.y, i);
      at.store(y + row * size + i, select(chosen, left, right));
    });
  });
  return RN_OK;
}

int32_t where_backward(RnContext* ctx, const RnWhereBackward* args) {
  if (empty(args->dims, args->shape)) {
    clear_written(args->dx, args->x_size);
    return RN_OK;
  }
  const Broadcast s = broadcast(args->dims, args->shape, args->condition_strides, args->x_strides);
  const auto side = args->chosen ? one_side<Chosen<true>, false> : one_side<Chosen<false>, false>;
  // Slopes do not read the operand: dy, which is no smaller, stands for it.
  return side(ctx, args->condition, args->dy, args->dy, args->dx, s);
}

}  // namespace rnnative::cpu::RN_ISA

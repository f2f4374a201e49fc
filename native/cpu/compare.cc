// Comparisons, with broadcasting. Integers are moved as floats, which keeps their bits; a
// comparison of vectors gives lanes of all ones, of which the lowest bit is the result.
#include "native/abi/backend.h"
#include "native/cpu/core/broadcast.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Of floats or of integers.
struct Equal {
  template <class V>
  static RN_INLINE vi holds(V a, V b) {
    return a == b;
  }
};
struct NotEqual {
  template <class V>
  static RN_INLINE vi holds(V a, V b) {
    return a != b;
  }
};
struct Less {
  template <class V>
  static RN_INLINE vi holds(V a, V b) {
    return a < b;
  }
};
struct LessEqual {
  template <class V>
  static RN_INLINE vi holds(V a, V b) {
    return a <= b;
  }
};

template <class F, class V>
void run(RnContext* ctx, const RnCompare* args) {
  const Broadcast s = broadcast(args->dims, args->shape, args->a_strides, args->b_strides);
  const float *a = (const float*)args->a, *b = (const float*)args->b;
  float* y = (float*)args->y;
  const bool a_varies = s.inner.a != 0, b_varies = s.inner.b != 0;
  each_piece(ctx, s, [=](const Offsets& o, int64_t first, int64_t last, int64_t) {
    each_vector(first, last, [=](int64_t i, auto at) {
      const V left = (V)operand(a_varies, at, a + o.a, i);
      const V right = (V)operand(b_varies, at, b + o.b, i);
      at.store(y + o.y + i, (vf)(F::holds(left, right) & splat_int(1)));
    });
  });
}

template <class F>
void choose(RnContext* ctx, const RnCompare* args) {
  if (args->integers) {
    run<F, vi>(ctx, args);
  } else {
    run<F, vf>(ctx, args);
  }
}

}  // namespace

int32_t compare(RnContext* ctx, const RnCompare* args) {
  static constexpr void (*kCompare[RN_COMPARE_COUNT])(RnContext*, const RnCompare*) = {
      choose<Equal>, choose<NotEqual>, choose<Less>, choose<LessEqual>};
  if (args->op < 0 || args->op >= RN_COMPARE_COUNT) return RN_ERR_UNSUPPORTED;
  if (!empty(args->dims, args->shape)) kCompare[args->op](ctx, args);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

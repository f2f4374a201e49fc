// Binary functions with broadcasting. After broadcast() most calls are a single loop (same shape,
// scalar) or rows of one (row or column vectors); see core/broadcast.h.
#include "native/abi/backend.h"
#include "native/cpu/core/broadcast.h"
#include "native/cpu/elementwise/functions.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <class F, bool kAVaries, bool kBVaries>
void run(RnContext* ctx, const Broadcast& s, const RnBinaryArgs* args) {
  const float *a = (const float*)args->a, *b = (const float*)args->b;
  float* y = (float*)args->y;
  each_piece(ctx, s, [=](const Offsets& o, int64_t first, int64_t last, int64_t) {
    const float *row_a = a + o.a, *row_b = b + o.b;
    float* row_y = y + o.y;
    each_vector(first, last, [=](int64_t i, auto at) {
      at.store(row_y + i,
               F::value(operand<kAVaries>(at, row_a, i), operand<kBVaries>(at, row_b, i)));
    });
  });
}

template <class F>
void forward(RnContext* ctx, const RnBinaryArgs* args) {
  const Broadcast s = broadcast(args->dims, args->shape, args->a_strides, args->b_strides);
  if (s.inner.a && s.inner.b) {
    run<F, true, true>(ctx, s, args);
  } else if (s.inner.a) {
    run<F, true, false>(ctx, s, args);
  } else if (s.inner.b) {
    run<F, false, true>(ctx, s, args);
  } else {
    run<F, false, false>(ctx, s, args);
  }
}

}  // namespace

int32_t binary(RnContext* ctx, const RnBinaryArgs* args) {
  static constexpr void (*kForward[RN_BINARY_COUNT])(RnContext*, const RnBinaryArgs*) = {
      forward<Add>, forward<Sub>, forward<Mul>, forward<Div>, forward<Maximum>, forward<Minimum>};
  if (args->op < 0 || args->op >= RN_BINARY_COUNT) return RN_ERR_UNSUPPORTED;
  if (!empty(args->dims, args->shape)) kForward[args->op](ctx, args);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

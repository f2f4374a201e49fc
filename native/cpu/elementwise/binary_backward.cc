// Gradients of the binary functions; those of broadcast operands are sums (core/broadcast_sum.h).
#include "native/abi/backend.h"
#include "native/cpu/core/broadcast_sum.h"
#include "native/cpu/elementwise/functions.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <class F>
int32_t backward(RnContext* ctx, const RnBinaryBackward* args) {
  const Broadcast s = broadcast(args->dims, args->shape, args->a_strides, args->b_strides);
  const int32_t status = one_side<F, true>(ctx, args->a, args->b, args->dy, args->da, s);
  if (status != RN_OK) return status;
  return one_side<F, false>(ctx, args->a, args->b, args->dy, args->db, s);
}

}  // namespace

int32_t binary_backward(RnContext* ctx, const RnBinaryBackward* args) {
  static constexpr int32_t (*kBackward[RN_BINARY_COUNT])(RnContext*, const RnBinaryBackward*) = {
      backward<Add>, backward<Sub>,     backward<Mul>,
      backward<Div>, backward<Maximum>, backward<Minimum>};
  if (args->op < 0 || args->op >= RN_BINARY_COUNT) return RN_ERR_UNSUPPORTED;
  if (empty(args->dims, args->shape)) {
    clear_written(args->da, args->a_size);
    clear_written(args->db, args->b_size);
    return RN_OK;
  }
  return kBackward[args->op](ctx, args);
}

}  // namespace rnnative::cpu::RN_ISA

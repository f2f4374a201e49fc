// Constant fill and in-place addition: one stream each, bound by memory.
#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {

int32_t fill(RnContext* ctx, const RnFill* args) {
  float* y = (float*)args->y;
  const vf value = splat((float)args->value);
  parallel_elements(ctx, args->n, [=](int64_t begin, int64_t end) {
    each_vector(begin, end, [=](int64_t i, auto at) { at.store(y + i, value); });
  });
  return RN_OK;
}

int32_t accumulate(RnContext* ctx, const RnAccumulate* args) {
  float* y = (float*)args->y;
  const float* x = (const float*)args->x;
  parallel_elements(ctx, args->n, [=](int64_t begin, int64_t end) {
    each_vector(begin, end, [=](int64_t i, auto at) { put<true>(at, y + i, at.load(x + i)); });
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

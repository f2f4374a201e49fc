// Integers as rows of zeros and a one, and as floats.
#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {

int32_t one_hot(RnContext* ctx, const RnOneHot* args) {
  const int32_t status = check_indices(ctx, "id", args->ids, args->rows, args->classes - 1);
  if (status != RN_OK) return status;
  const int64_t classes = args->classes;
  parallel_items(ctx, args->rows, classes, [=](int64_t begin, int64_t end) {
    float* y = (float*)args->y;
    memset(y + begin * classes, 0, (size_t)((end - begin) * classes) * sizeof(float));
    for (int64_t n = begin; n < end; ++n) y[n * classes + args->ids[n]] = 1;
  });
  return RN_OK;
}

int32_t to_real(RnContext* ctx, const RnToReal* args) {
  const float* x = (const float*)args->x;  // moved as floats, which keeps their bits
  float* y = (float*)args->y;
  parallel_elements(ctx, args->n, [=](int64_t begin, int64_t end) {
    each_vector(begin, end,
                [=](int64_t i, auto at) { at.store(y + i, to_float((vi)at.load(x + i))); });
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

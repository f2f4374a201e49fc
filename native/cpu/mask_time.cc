// Zeroes the padding of a time-major batch. Padded x is never read, so NaN there changes nothing.
#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {

int32_t mask_time(RnContext* ctx, const RnMaskTime* args) {
  const int32_t status = check_indices(ctx, "length", args->lengths, args->batch, args->time);
  if (status != RN_OK || args->y.mode == RN_GRAD_SKIP) return status;
  const int64_t features = args->features;
  const bool add = args->y.mode == RN_GRAD_ADD;
  parallel_items(ctx, args->time * args->batch, features, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* x = (const float*)args->x + row * features;
      float* y = (float*)args->y.data + row * features;
      const bool real = row / args->batch < args->lengths[row % args->batch];
      if (real && add) {
        each_vector(0, features, [=](int64_t i, auto at) { put<true>(at, y + i, at.load(x + i)); });
      } else if (real) {
        memcpy(y, x, (size_t)features * sizeof(float));
      } else if (!add) {
        memset(y, 0, (size_t)features * sizeof(float));
      }
    }
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

// Integers as rows of zeros and a one, and as floats.
#include "cuda/core/elements.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

__global__ void one_hot_kernel(int64_t rows, int64_t classes, const int32_t* ids, float* y) {
  each_element(rows, classes, [&](int64_t row, int64_t column) {
    y[row * classes + column] = ids[row] == column ? 1.0f : 0.0f;
  });
}

__global__ void to_real_kernel(int64_t n, const int32_t* x, float* y) {
  for (int64_t i = first_index(); i < n; i += index_stride()) y[i] = static_cast<float>(x[i]);
}

}  // namespace

int32_t one_hot(RnContext* ctx, const RnOneHot* args) {
  const int32_t status = check_indices(ctx, "id", args->ids, args->rows, args->classes - 1);
  if (status != RN_OK || args->rows == 0 || args->classes == 0) return status;
  return launch(ctx, over_elements(args->rows, args->classes), one_hot_kernel, args->rows,
                args->classes, args->ids, static_cast<float*>(args->y));
}

int32_t to_real(RnContext* ctx, const RnToReal* args) {
  return launch(ctx, over(args->n), to_real_kernel, args->n, args->x, static_cast<float*>(args->y));
}

}  // namespace rnnative::cuda

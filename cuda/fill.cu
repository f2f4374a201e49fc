// Filling and accumulating: bound by memory, so nothing but wide grids.
#include "cuda/core/device.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

__global__ void fill_kernel(float* y, int64_t n, float value) {
  for (int64_t i = first_index(); i < n; i += index_stride()) y[i] = value;
}

__global__ void accumulate_kernel(float* y, const float* x, int64_t n) {
  for (int64_t i = first_index(); i < n; i += index_stride()) y[i] += x[i];
}

}  // namespace

int32_t fill(RnContext* ctx, const RnFill* args) {
  return launch(ctx, over(args->n), fill_kernel, static_cast<float*>(args->y), args->n,
                static_cast<float>(args->value));
}

int32_t accumulate(RnContext* ctx, const RnAccumulate* args) {
  return launch(ctx, over(args->n), accumulate_kernel, static_cast<float*>(args->y),
                static_cast<const float*>(args->x), args->n);
}

}  // namespace rnnative::cuda

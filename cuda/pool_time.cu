// Mean, maximum and last of each row's own steps. A thread goes down the steps of one feature of
// one row, neighbours in features beside it, so accesses coalesce and padding is never read; the
// rows and features of a batch are enough to fill a device. Sums join in pieces, for accuracy.
#include "cuda/core/elements.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

constexpr int64_t kStepsPerSum = 64;

__device__ __forceinline__ int64_t length_of(const int32_t* lengths, int64_t row, int64_t time) {
  return lengths != nullptr ? lengths[row] : time;
}

__device__ __forceinline__ float mean_of(const float* x, int64_t stride, int64_t length) {
  float sum = 0;
  for (int64_t first = 0; first < length; first += kStepsPerSum) {
    float part = 0;
    for (int64_t t = first; t < length && t < first + kStepsPerSum; ++t) part += x[t * stride];
    sum += part;
  }
  return sum * (1 / static_cast<float>(length));
}

// The step of the first maximum; NaN is one.
__device__ __forceinline__ int64_t argmax_of(const float* x, int64_t stride, int64_t length) {
  int64_t best = 0;
  float y = x[0];
  for (int64_t t = 1; t < length; ++t) {
    const float value = x[t * stride];
    if (y != y || !(value > y || value != value)) continue;
    y = value;
    best = t;
  }
  return best;
}

__global__ void pool_kernel(RnPoolTime args) {
  const auto* all = static_cast<const float*>(args.x);
  auto* y = static_cast<float*>(args.y);
  const int64_t stride = args.batch * args.features;
  each_element(args.batch, args.features, [&](int64_t row, int64_t feature) {
    const int64_t at = row * args.features + feature;
    const int64_t length = length_of(args.lengths, row, args.time);
    const float* x = all + at;
    const int64_t step =
        args.op == RN_POOL_MAX && length > 0 ? argmax_of(x, stride, length) : length - 1;
    if (length == 0)
      y[at] = 0;
    else
      y[at] = args.op == RN_POOL_MEAN ? mean_of(x, stride, length) : x[step * stride];
    if (args.op == RN_POOL_MAX) args.steps[at] = static_cast<int32_t>(step);
  });
}

// Rows are t * batch + b.
__global__ void pool_backward_kernel(RnPoolTimeBackward args) {
  const auto* dy = static_cast<const float*>(args.dy);
  each_element(args.time * args.batch, args.features, [&](int64_t row, int64_t feature) {
    const int64_t t = row / args.batch, b = row - t * args.batch;
    const int64_t at = b * args.features + feature, length = length_of(args.lengths, b, args.time);
    float value = 0;
    if (t < length) {
      if (args.op == RN_POOL_MEAN)
        value = dy[at] * (1 / static_cast<float>(length));
      else if (args.op == RN_POOL_MAX ? args.steps[at] == t : t == length - 1)
        value = dy[at];
    }
    put(args.dx, row * args.features + feature, value);
  });
}

}  // namespace

int32_t pool_time(RnContext* ctx, const RnPoolTime* args) {
  if (args->op < 0 || args->op >= RN_POOL_COUNT) return RN_ERR_UNSUPPORTED;
  const int32_t status = check_lengths(ctx, args->lengths, args->batch, args->time);
  if (status != RN_OK || args->batch * args->features == 0) return status;
  return launch(ctx, over_elements(args->batch, args->features), pool_kernel, *args);
}

int32_t pool_time_backward(RnContext* ctx, const RnPoolTimeBackward* args) {
  if (args->op < 0 || args->op >= RN_POOL_COUNT) return RN_ERR_UNSUPPORTED;
  const int32_t status = check_lengths(ctx, args->lengths, args->batch, args->time);
  const int64_t rows = args->time * args->batch;
  if (status != RN_OK || args->dx.mode == RN_GRAD_SKIP || rows * args->features == 0) return status;
  return launch(ctx, over_elements(rows, args->features), pool_backward_kernel, *args);
}

}  // namespace rnnative::cuda

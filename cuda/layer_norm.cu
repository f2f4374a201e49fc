// Layer normalisation (Ba et al. 2016). Rows are kept in registers (rows.cuh), so that the variance
// can be formed around the mean at no cost: the one-pass formula cancels. The mean itself is summed
// in f32 and corrected by the mean of the differences from it. The gradients of gain and bias are
// column sums, both from one pass over x and dy (reduction.cuh).
#include <cmath>

#include "cuda/core/reduction.cuh"
#include "cuda/core/rows.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct LayerNorm {
  int64_t rows, features;
  float eps;
  const float *x, *gain, *bias;  // [rows, features]; [features] or null
  float *y, *saved;              // [rows, features]; [rows, 2] or null

  __device__ __forceinline__ float normal(float x, float mean, float inverse, int64_t i) const {
    const float n = (x - mean) * inverse;
    return (gain ? n * gain[i] : n) + (bias ? bias[i] : 0);
  }
};

struct Moments {
  float mean, inverse;  // inverse: 1 / sqrt(var + eps)
};

// From sums of the differences from `about` and of their squares.
__device__ __forceinline__ Moments moments(float about, float sum, float squares, float n,
                                           float eps) {
  const float shift = sum / n;
  return {about + shift, 1 / sqrtf(fmaxf(squares / n - shift * shift, 0) + eps)};
}

template <class Shape>
__global__ void layer_norm_kernel(LayerNorm l) {
  char* const shared = shared_memory();
  const auto n = static_cast<float>(l.features);
  for (int64_t row = first_team_row<Shape>(); row < l.rows; row += team_row_stride<Shape>()) {
    float v[Shape::kEach], sum = 0, squares = 0;
    load_row<Shape>(v, l.x + row * l.features, l.features, 0);
    each_held<Shape>(l.features, [&](int64_t, int j) { sum += v[j]; });
    const float about = team_reduce<Shape::kTeam>(sum, Add{}, shared) / n;
    sum = 0;
    each_held<Shape>(l.features, [&](int64_t, int j) {
      const float d = v[j] - about;
      sum += d;
      squares += d * d;
    });
    sum = team_reduce<Shape::kTeam>(sum, Add{}, shared);
    squares = team_reduce<Shape::kTeam>(squares, Add{}, shared);
    const Moments m = moments(about, sum, squares, n, l.eps);
    float* y = l.y + row * l.features;
    each_held<Shape>(l.features,
                     [&](int64_t i, int j) { y[i] = l.normal(v[j], m.mean, m.inverse, i); });
    if (l.saved != nullptr && threadIdx.x % Shape::kTeam == 0) {
      l.saved[2 * row] = m.mean;
      l.saved[2 * row + 1] = m.inverse;
    }
  }
}

// A block to a row, which it reads three times.
__global__ void layer_norm_long_kernel(LayerNorm l) {
  char* const shared = shared_memory();
  const auto n = static_cast<float>(l.features);
  for (int64_t row = blockIdx.x; row < l.rows; row += gridDim.x) {
    const float* x = l.x + row * l.features;
    float* y = l.y + row * l.features;
    float sum = 0, squares = 0;
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < l.features; i += blockDim.x) sum += x[i];
    const float about = block_reduce(sum, Add{}, shared) / n;
    sum = 0;
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < l.features; i += blockDim.x) {
      const float d = x[i] - about;
      sum += d;
      squares += d * d;
    }
    sum = block_reduce(sum, Add{}, shared);
    squares = block_reduce(squares, Add{}, shared);
    const Moments m = moments(about, sum, squares, n, l.eps);
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < l.features; i += blockDim.x)
      y[i] = l.normal(x[i], m.mean, m.inverse, i);
    if (l.saved != nullptr && threadIdx.x == 0) {
      l.saved[2 * row] = m.mean;
      l.saved[2 * row + 1] = m.inverse;
    }
  }
}

// With xhat = (x - mean) * inverse and g = dy * gain:
// dx = inverse * (g - mean(g) - xhat * mean(g * xhat)).
struct LayerNormBackward {
  int64_t rows, features;
  const float *x, *gain, *saved, *dy;  // [rows, features], [features] or null, [rows, 2], as x
  RnGrad dx;                           // [rows, features]

  __device__ __forceinline__ Moments moments_of(int64_t row) const {
    return {saved[2 * row], saved[2 * row + 1]};
  }
  __device__ __forceinline__ float scaled(float dy, int64_t i) const {
    return gain ? dy * gain[i] : dy;
  }
};

template <class Shape>
__global__ void layer_norm_backward_kernel(LayerNormBackward l) {
  char* const shared = shared_memory();
  const auto n = static_cast<float>(l.features);
  for (int64_t row = first_team_row<Shape>(); row < l.rows; row += team_row_stride<Shape>()) {
    const int64_t at = row * l.features;
    const Moments m = l.moments_of(row);
    float xhat[Shape::kEach], g[Shape::kEach], sum = 0, product = 0;
    load_row<Shape>(xhat, l.x + at, l.features, 0);
    load_row<Shape>(g, l.dy + at, l.features, 0);
    each_held<Shape>(l.features, [&](int64_t i, int j) {
      xhat[j] = (xhat[j] - m.mean) * m.inverse;
      g[j] = l.scaled(g[j], i);
      sum += g[j];
      product += g[j] * xhat[j];
    });
    const float mean_g = team_reduce<Shape::kTeam>(sum, Add{}, shared) / n;
    const float mean_gx = team_reduce<Shape::kTeam>(product, Add{}, shared) / n;
    each_held<Shape>(l.features, [&](int64_t i, int j) {
      put(l.dx, at + i, m.inverse * (g[j] - mean_g - xhat[j] * mean_gx));
    });
  }
}

__global__ void layer_norm_backward_long_kernel(LayerNormBackward l) {
  char* const shared = shared_memory();
  const auto n = static_cast<float>(l.features);
  for (int64_t row = blockIdx.x; row < l.rows; row += gridDim.x) {
    const float *x = l.x + row * l.features, *dy = l.dy + row * l.features;
    const Moments m = l.moments_of(row);
    float sum = 0, product = 0;
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < l.features; i += blockDim.x) {
      const float g = l.scaled(dy[i], i);
      sum += g;
      product += g * ((x[i] - m.mean) * m.inverse);
    }
    const float mean_g = block_reduce(sum, Add{}, shared) / n;
    const float mean_gx = block_reduce(product, Add{}, shared) / n;
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < l.features; i += blockDim.x) {
      const float xhat = (x[i] - m.mean) * m.inverse;
      put(l.dx, row * l.features + i, m.inverse * (l.scaled(dy[i], i) - mean_g - xhat * mean_gx));
    }
  }
}

// dgain = sum of dy * xhat, dbias = sum of dy, over rows.
struct ParameterSum {
  static constexpr int kOutputs = 2;
  const float *x, *saved, *dy;
  int64_t features;

  __device__ int64_t place(int64_t feature) const { return feature; }
  __device__ void add(int64_t feature, int64_t row, float (&sums)[2]) const {
    const int64_t at = row * features + feature;
    const float d = dy[at];
    sums[0] += d * ((x[at] - saved[2 * row]) * saved[2 * row + 1]);
    sums[1] += d;
  }
};

}  // namespace

int32_t layer_norm(RnContext* ctx, const RnLayerNorm* args) {
  const LayerNorm l = {args->rows,
                       args->features,
                       static_cast<float>(args->eps),
                       static_cast<const float*>(args->x),
                       static_cast<const float*>(args->gain),
                       static_cast<const float*>(args->bias),
                       static_cast<float*>(args->y),
                       static_cast<float*>(args->saved)};
  if (l.rows == 0) return RN_OK;
  return by_row_length<1>(
      l.features,
      [&](auto shape) {
        return launch(ctx, over_teams(l.rows, shape.kTeams), layer_norm_kernel<decltype(shape)>, l);
      },
      [&] { return launch(ctx, over_long_rows(l.rows), layer_norm_long_kernel, l); });
}

int32_t layer_norm_backward(RnContext* ctx, const RnLayerNormBackward* args) {
  const LayerNormBackward l = {args->rows,
                               args->features,
                               static_cast<const float*>(args->x),
                               static_cast<const float*>(args->gain),
                               static_cast<const float*>(args->saved),
                               static_cast<const float*>(args->dy),
                               args->dx};
  if (l.dx.mode != RN_GRAD_SKIP && l.rows > 0) {
    const int32_t status = by_row_length<2>(
        l.features,
        [&](auto shape) {
          return launch(ctx, over_teams(l.rows, shape.kTeams),
                        layer_norm_backward_kernel<decltype(shape)>, l);
        },
        [&] { return launch(ctx, over_long_rows(l.rows), layer_norm_backward_long_kernel, l); });
    if (status != RN_OK) return status;
  }
  if (args->dgain.mode == RN_GRAD_SKIP && args->dbias.mode == RN_GRAD_SKIP) return RN_OK;
  const ParameterSum sum = {l.x, l.saved, l.dy, l.features};
  return sum_down(ctx, sum, l.features, l.rows, {args->dgain, args->dbias});
}

}  // namespace rnnative::cuda

// Softmax over rows, shifted by the row's maximum so that exp cannot overflow. A row that registers
// hold is read once (rows.cuh); a longer one, such as logits over a vocabulary, is read twice: its
// maximum and the sum of exponentials come from one pass, in which the sum is rescaled whenever the
// maximum grows (Milakov and Gimelshein 2018). A row of nothing but -inf, or with +inf or NaN,
// gives NaN as in PyTorch.
#include <cfloat>
#include <cmath>

#include "cuda/core/rows.cuh"
#include "intrinsics.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct Softmax {
  int64_t rows, columns;
  bool log;
  const float* x;  // [rows, columns]
  float* y;        // [rows, columns]
  bool wide;
};

template <class Shape>
__global__ void softmax_kernel(Softmax s) {
  char* const shared = shared_memory();
  for (int64_t row = first_team_row<Shape>(); row < s.rows; row += team_row_stride<Shape>()) {
    float v[Shape::kEach];
    load_row<Shape>(v, s.x + row * s.columns, s.columns, -INFINITY);
    float maximum = -INFINITY, sum = 0;
    each_held<Shape>(s.columns, [&](int64_t, int j) { maximum = fmaxf(maximum, v[j]); });
    maximum = team_reduce<Shape::kTeam>(maximum, Maximum{}, shared);
    each_held<Shape>(s.columns, [&](int64_t, int j) {
      const float e = expf(v[j] - maximum);
      sum += e;
      if (!s.log) v[j] = e;
    });
    sum = team_reduce<Shape::kTeam>(sum, Add{}, shared);
    const float scale = 1 / sum, log_sum = logf(sum);
    float* y = s.y + row * s.columns;
    each_held<Shape>(s.columns, [&](int64_t i, int j) {
      y[i] = s.log ? v[j] - maximum - log_sum : v[j] * scale;
    });
  }
}

// A block to a row, four neighbours to a thread.
__global__ void softmax_long_kernel(Softmax s) {
  char* const shared = shared_memory();
  const int64_t first = int64_t{threadIdx.x} * kWide, stride = int64_t{blockDim.x} * kWide;
  for (int64_t row = blockIdx.x; row < s.rows; row += gridDim.x) {
    const float* x = s.x + row * s.columns;
    float* y = s.y + row * s.columns;
    // Not -inf, from which -inf could not be subtracted.
    float maximum = -FLT_MAX, sum = 0;
#pragma unroll 2
    for (int64_t c = first; c < s.columns; c += stride) {
      const Floats<kWide> v = load_either(x + c, s.columns - c, s.wide, -INFINITY);
      const float before = maximum;
#pragma unroll
      for (int j = 0; j < kWide; ++j) maximum = fmaxf(maximum, v.at[j]);
      sum *= expf(before - maximum);
#pragma unroll
      for (int j = 0; j < kWide; ++j)
        if (c + j < s.columns) sum += expf(v.at[j] - maximum);
    }
    const float mine = maximum;
    maximum = block_reduce(maximum, Maximum{}, shared);
    sum = block_reduce(sum * expf(mine - maximum), Add{}, shared);
    const float scale = 1 / sum, log_sum = logf(sum);
#pragma unroll 2
    for (int64_t c = first; c < s.columns; c += stride) {
      Floats<kWide> v = load_either(x + c, s.columns - c, s.wide, 0);
#pragma unroll
      for (int j = 0; j < kWide; ++j)
        v.at[j] = s.log ? v.at[j] - maximum - log_sum : expf(v.at[j] - maximum) * scale;
      store_either(y + c, v, s.columns - c, s.wide);
    }
  }
}

// softmax: dx = y * (dy - sum(y * dy)); log-softmax: dx = dy - exp(y) * sum(dy).
struct SoftmaxBackward {
  int64_t rows, columns;
  bool log;
  const float *y, *dy;  // [rows, columns]
  RnGrad dx;            // [rows, columns]
  bool wide;

  __device__ __forceinline__ float term(float y, float dy) const { return log ? dy : y * dy; }
  __device__ __forceinline__ float gradient(float y, float dy, float sum) const {
    return log ? dy - expf(y) * sum : y * (dy - sum);
  }
};

template <class Shape>
__global__ void softmax_backward_kernel(SoftmaxBackward s) {
  for (int64_t row = first_team_row<Shape>(); row < s.rows; row += team_row_stride<Shape>()) {
    float y[Shape::kEach], dy[Shape::kEach], sum = 0;
    load_row<Shape>(y, s.y + row * s.columns, s.columns, 0);
    load_row<Shape>(dy, s.dy + row * s.columns, s.columns, 0);
    each_held<Shape>(s.columns, [&](int64_t, int j) { sum += s.term(y[j], dy[j]); });
    sum = team_reduce<Shape::kTeam>(sum, Add{}, shared_memory());
    each_held<Shape>(s.columns, [&](int64_t i, int j) {
      put(s.dx, row * s.columns + i, s.gradient(y[j], dy[j], sum));
    });
  }
}

__global__ void softmax_backward_long_kernel(SoftmaxBackward s) {
  const int64_t first = int64_t{threadIdx.x} * kWide, stride = int64_t{blockDim.x} * kWide;
  for (int64_t row = blockIdx.x; row < s.rows; row += gridDim.x) {
    const float *y = s.y + row * s.columns, *dy = s.dy + row * s.columns;
    float sum = 0;
#pragma unroll 2
    for (int64_t c = first; c < s.columns; c += stride) {
      const Floats<kWide> at_y = load_either(y + c, s.columns - c, s.wide, 0);
      const Floats<kWide> at_dy = load_either(dy + c, s.columns - c, s.wide, 0);
#pragma unroll
      for (int j = 0; j < kWide; ++j) sum += s.term(at_y.at[j], at_dy.at[j]);
    }
    sum = block_reduce(sum, Add{}, shared_memory());
#pragma unroll 2
    for (int64_t c = first; c < s.columns; c += stride) {
      const Floats<kWide> at_y = load_either(y + c, s.columns - c, s.wide, 0);
      Floats<kWide> v = load_either(dy + c, s.columns - c, s.wide, 0);
#pragma unroll
      for (int j = 0; j < kWide; ++j) v.at[j] = s.gradient(at_y.at[j], v.at[j], sum);
      put_either(s.dx, row * s.columns + c, v, s.columns - c, s.wide);
    }
  }
}

}  // namespace

int32_t softmax(RnContext* ctx, const RnSoftmax* args) {
  Softmax s = {args->rows,
               args->columns,
               args->log != 0,
               static_cast<const float*>(args->x),
               static_cast<float*>(args->y),
               false};
  if (s.rows == 0 || s.columns == 0) return RN_OK;
  s.wide = s.columns % kWide == 0 && aligned(s.x, s.y);
  return by_row_length<1>(
      s.columns,
      [&](auto shape) {
        return launch(ctx, over_teams(s.rows, shape.kTeams), softmax_kernel<decltype(shape)>, s);
      },
      [&] { return launch(ctx, over_long_rows(s.rows), softmax_long_kernel, s); });
}

int32_t softmax_backward(RnContext* ctx, const RnSoftmaxBackward* args) {
  if (args->dx.mode == RN_GRAD_SKIP) return RN_OK;
  SoftmaxBackward s = {args->rows,
                       args->columns,
                       args->log != 0,
                       static_cast<const float*>(args->y),
                       static_cast<const float*>(args->dy),
                       args->dx,
                       false};
  if (s.rows == 0 || s.columns == 0) return RN_OK;
  s.wide = s.columns % kWide == 0 && aligned(s.y, s.dy, s.dx.data);
  return by_row_length<2>(
      s.columns,
      [&](auto shape) {
        return launch(ctx, over_teams(s.rows, shape.kTeams),
                      softmax_backward_kernel<decltype(shape)>, s);
      },
      [&] { return launch(ctx, over_long_rows(s.rows), softmax_backward_long_kernel, s); });
}

}  // namespace rnnative::cuda

// Elementwise work over a shape in which every operand has strides of its own (0 where it is
// broadcast). The last axis goes along the threads of a row, so that accesses coalesce, and only a
// row's place costs divisions; the few threads of a short row leave the rest of the block to other
// rows. Most calls have one or two axes, which cost none.
#ifndef RNNATIVE_CUDA_CORE_WALK_CUH_
#define RNNATIVE_CUDA_CORE_WALK_CUH_

#include <algorithm>

#include "cuda/core/device.cuh"
#include "cuda/core/vector.cuh"

namespace rnnative::cuda {

// Threads over rows x columns elements, `width` neighbouring columns each: x along the columns, y
// along the rows, over which they stride.
inline Launch over_rows(int64_t rows, int64_t columns, int width) {
  constexpr int64_t kThreads = 256;
  const int64_t across = ceil_div(columns, width);
  int64_t x = 1;
  while (x < kThreads && x < across) x *= 2;
  const int64_t y = kThreads / x, wide = ceil_div(across, x);
  const int64_t resident = int64_t{device().properties.multiProcessorCount} * 8;
  const int64_t high =
      std::clamp<int64_t>(ceil_div(rows, y), 1, std::clamp<int64_t>(resident / wide, 1, 65535));
  Launch how;
  how.grid = dim3(static_cast<unsigned>(wide), static_cast<unsigned>(high));
  how.block = dim3(static_cast<unsigned>(x), static_cast<unsigned>(y));
  return how;
}
__device__ inline int64_t first_column(int width) {
  return first_index() * width;
}
__device__ inline int64_t first_row() {
  return static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
}
__device__ inline int64_t row_stride() {
  return static_cast<int64_t>(gridDim.y) * blockDim.y;
}

// Axes that kOperands operands are walked along together; strides in elements.
template <int kOperands>
struct Walk {
  int32_t dims = 0;
  int64_t shape[RN_MAX_DIMS] = {};
  int64_t strides[kOperands][RN_MAX_DIMS] = {};

  int64_t elements(int32_t axes) const {
    int64_t n = 1;
    for (int32_t d = 0; d < axes; ++d) n *= shape[d];
    return n;
  }
  // Each operand's offset at the `index`-th place of the first `axes` axes.
  __device__ __forceinline__ void locate(int64_t index, int32_t axes,
                                         int64_t (&at)[kOperands]) const {
#pragma unroll
    for (int o = 0; o < kOperands; ++o) at[o] = 0;
    for (int32_t d = axes - 1; d >= 0; --d) {
      const int64_t outer = d > 0 ? index / shape[d] : 0;
#pragma unroll
      for (int o = 0; o < kOperands; ++o) at[o] += (index - outer * shape[d]) * strides[o][d];
      index = outer;
    }
  }
  // Whether an operand at `data` can be accessed 16 bytes at a time along the last axis.
  bool wide(int operand, const void* data) const {
    const int64_t* stride = strides[operand];
    if (stride[dims - 1] == 0) return true;
    if (stride[dims - 1] != 1 || !aligned(data)) return false;
    for (int32_t d = 0; d < dims - 1; ++d)
      if (stride[d] % kWide != 0) return false;
    return true;
  }
};

// Neighbours along an axis of any stride.
template <int kWidth>
__device__ __forceinline__ Floats<kWidth> load_strided(const float* p, int64_t stride,
                                                       int64_t count) {
  if (stride == 1) return load<kWidth>(p, count);
  Floats<kWidth> v;
#pragma unroll
  for (int j = 0; j < kWidth; ++j) v.at[j] = j < count ? p[j * stride] : 0.0f;
  return v;
}

// visit.run<kWidth>(at, strides, count): the operands' offsets and strides along the last axis, on
// which `count` elements are left from here.
template <int kWidth, int kOperands, class Visit>
__global__ void walk_kernel(Walk<kOperands> walk, int64_t rows, Visit visit) {
  const int32_t last = walk.dims - 1;
  const int64_t column = first_column(kWidth), columns = walk.shape[last];
  if (column >= columns) return;
  int64_t strides[kOperands];
#pragma unroll
  for (int o = 0; o < kOperands; ++o) strides[o] = walk.strides[o][last];
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    int64_t at[kOperands];
    walk.locate(row, last, at);
#pragma unroll
    for (int o = 0; o < kOperands; ++o) at[o] += column * strides[o];
    visit.template run<kWidth>(at, strides, columns - column);
  }
}

// All elements; `wide`: all operands can be accessed so.
template <int kOperands, class Visit>
int32_t walk_all(RnContext* ctx, const Walk<kOperands>& walk, bool wide, const Visit& visit) {
  const int64_t rows = walk.elements(walk.dims - 1), columns = walk.shape[walk.dims - 1];
  if (rows == 0 || columns == 0) return RN_OK;
  const auto kernel =
      wide ? walk_kernel<kWide, kOperands, Visit> : walk_kernel<1, kOperands, Visit>;
  return launch(ctx, over_rows(rows, columns, wide ? kWide : 1), kernel, walk, rows, visit);
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_WALK_CUH_

// Kernels over the elements of a matrix that need to know row and column: a grid of two dimensions
// spares the division, which would cost more than the element.
#ifndef RNNATIVE_CUDA_ELEMENTS_CUH_
#define RNNATIVE_CUDA_ELEMENTS_CUH_

#include <algorithm>

#include "cuda/device.cuh"

namespace rnnative::cuda {

// The launch of a kernel that calls each_element over the same matrix.
inline Launch over_elements(int64_t rows, int64_t columns) {
  constexpr int64_t kThreads = 256;
  int64_t across = 32;
  while (across < columns && across < kThreads) across *= 2;
  const int64_t down = kThreads / across;
  const int64_t most = int64_t{device().properties.multiProcessorCount} * 32;
  const int64_t x = std::clamp<int64_t>(ceil_div(columns, across), 1, most);
  const int64_t y = std::clamp<int64_t>(ceil_div(rows, down), 1, std::max<int64_t>(most / x, 1));
  Launch how;
  how.grid = dim3(static_cast<unsigned>(x), static_cast<unsigned>(y));
  how.block = dim3(static_cast<unsigned>(across), static_cast<unsigned>(down));
  return how;
}

// body(row, column) for the elements of this thread.
template <class Body>
__device__ __forceinline__ void each_element(int64_t rows, int64_t columns, Body body) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t row = static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y; row < rows;
       row += static_cast<int64_t>(gridDim.y) * blockDim.y)
    for (int64_t column = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         column < columns; column += step)
      body(row, column);
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_ELEMENTS_CUH_

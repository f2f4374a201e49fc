// Kernels over the elements of a matrix that need to know row and column.
#ifndef RNNATIVE_CUDA_CORE_ELEMENTS_CUH_
#define RNNATIVE_CUDA_CORE_ELEMENTS_CUH_

#include "cuda/core/walk.cuh"

namespace rnnative::cuda {

inline Launch over_elements(int64_t rows, int64_t columns) {
  return over_rows(rows, columns, 1);
}

// body(row, column) for the elements of a thread of such a launch.
template <class Body>
__device__ __forceinline__ void each_element(int64_t rows, int64_t columns, Body body) {
  const int64_t column = first_column(1);
  if (column >= columns) return;
  for (int64_t row = first_row(); row < rows; row += row_stride()) body(row, column);
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_ELEMENTS_CUH_

// The bf16 form of a small array [rows, columns] that kernels write along with the f32 one, so that
// the product which reads it next need not round it first.
#ifndef RNNATIVE_CUDA_GEMM_ROUNDED_CUH_
#define RNNATIVE_CUDA_GEMM_ROUNDED_CUH_

#include <intrinsics.cuh>

namespace rnnative::cuda {

struct Rounded {
  uint16_t* data = nullptr;  // null: not wanted
  int64_t ld = 0;

  Rounded from_column(int64_t column) const { return {data ? data + column : nullptr, ld}; }
  __device__ void put(int64_t row, int64_t column, float x) const {
    if (data) data[row * ld + column] = static_cast<uint16_t>(pack_bf16(x, 0));
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_GEMM_ROUNDED_CUH_

// cuBLAS, found at run time: linking it would make the backend unloadable where the library of
// several hundred megabytes is missing.
#ifndef RNNATIVE_CUDA_GEMM_CUBLAS_CUH_
#define RNNATIVE_CUDA_GEMM_CUBLAS_CUH_

#include "cuda/gemm/gemm.cuh"

namespace rnnative::cuda {

struct Cublas {
  bool available;
  char path[256];    // as it was opened
  char reason[256];  // why it is not available
};
// Looks for it at the first call: at RNNATIVE_CUBLAS_PATH alone where that is set (empty: nowhere),
// else libcublas.so.13 and .12 where the system looks for libraries, then in $CUDA_HOME/lib64 and
// /usr/local/cuda/lib64. After open_device.
const Cublas& find_cublas();

// By cuBLAS, which must be available. Operands that are float are rounded to bf16 in scratch if
// `bf16`.
int32_t gemm_cublas(RnContext* ctx, const Gemm& product, bool bf16);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_GEMM_CUBLAS_CUH_

// cuBLAS, found at run time: linking it would make the backend unloadable where the library of
// several hundred megabytes is missing.
#ifndef RNNATIVE_CUDA_GEMM_CUBLAS_CUH_
#define RNNATIVE_CUDA_GEMM_CUBLAS_CUH_

#include "cuda/gemm/gemm.cuh"

namespace rnnative::cuda {

struct Cublas {
  bool available;
  bool asked_for;    // by RNNATIVE_CUBLAS_PATH
  char path[256];    // as it was opened; empty: it was not found
  char reason[256];  // why it is not available
};
// Looks for it at the first call: at RNNATIVE_CUBLAS_PATH alone where that is set (empty: nowhere),
// else libcublas.so.13 and .12 where the system looks for libraries, then in $CUDA_HOME/lib64 and
// /usr/local/cuda/lib64. It is opened and not started: available tells no more than that.
const Cublas& find_cublas();
// Starts it at the first call, which takes up to a second and some hundred megabytes of the device.
// After open_device.
const Cublas& start_cublas();

// By cuBLAS, which must have started. Operands that are float are rounded to bf16 in scratch if
// `bf16`.
int32_t gemm_cublas(RnContext* ctx, const Gemm& product, bool bf16);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_GEMM_CUBLAS_CUH_

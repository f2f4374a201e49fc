// Matrix products for ops that need one: by cuBLAS where it was found, else by our own kernels.
#ifndef RNNATIVE_CUDA_GEMM_CUH_
#define RNNATIVE_CUDA_GEMM_CUH_

#include <cstdint>

#include "native/ops/backend.h"

namespace rnnative::cuda {

// c (+)= op(a) op(b) (+ bias over columns), `groups` times. All row-major: a is [m, k], or [k, m]
// with trans_a, b is [k, n], or [n, k] with trans_b, c is [m, n]; rows lie ld* elements apart,
// groups stride_* elements. The order of a sum depends on the shape of the product only.
struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  int64_t groups = 1;
  bool trans_a = false, trans_b = false;
  // float, or bf16 (as uint16_t) where told so
  const void *a = nullptr, *b = nullptr;
  bool a_bf16 = false, b_bf16 = false;
  int64_t lda = 0, ldb = 0, ldc = 0;
  int64_t stride_a = 0, stride_b = 0, stride_c = 0;
  const float* bias = nullptr;  // [n] or null
  float* c = nullptr;
  bool add = false;
  // BF16 rounds operands that are float to bf16; sums are f32 always.
  int32_t precision = RN_PRECISION_F32;
};
int32_t gemm(RnContext* ctx, const Gemm& product);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_GEMM_CUH_

// Matrix products for ops that need one: by cuBLAS where it was found and the product is large,
// else by our own kernels.
#ifndef RNNATIVE_CUDA_GEMM_GEMM_CUH_
#define RNNATIVE_CUDA_GEMM_GEMM_CUH_

#include <cuda_runtime.h>

#include <cstdint>

#include "native/abi/backend.h"

namespace rnnative::cuda {

// c (+)= op(a) op(b) (+ bias over columns), `groups` times. All row-major: a is [m, k], or [k, m]
// with trans_a, b is [k, n], or [n, k] with trans_b, c is [m, n]; rows lie ld* elements apart,
// groups stride_* elements. The order of a sum depends on the shape of the product only, and unless
// trans_a is set not on m: a row of c does not depend on the others. (cuBLAS promises the former,
// not the latter.)
struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  int64_t groups = 1;
  bool trans_a = false, trans_b = false;
  // float, or bf16 (as uint16_t) where told so: then the product is one of bf16
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

// A matrix as bf16: rows begin at multiples of 16 bytes.
struct Bf16Matrix {
  const uint16_t* data;
  int64_t ld;
};
__host__ __device__ constexpr int64_t bf16_ld(int64_t columns) {
  return (columns + 7) / 8 * 8;
}
// to[row, column] = from[row, column], rounded to nearest even; what pads the rows of `to` is left
// as it is.
int32_t round_to_bf16(RnContext* ctx, const float* from, int64_t from_ld, int64_t rows,
                      int64_t columns, uint16_t* to, int64_t to_ld);
// Makes an operand of the product, `right` or left, one that is stored as bf16: rounded in scratch,
// unless it is already.
int32_t round_operand(RnContext* ctx, Gemm* product, bool right);
// The bf16 form of a weight [rows, columns], made once per version (under kPackedBf16, which no
// other packing may use). Data null where there is no memory for it.
constexpr uint32_t kPackedBf16 = 0xb16;
int32_t bf16_weight(RnContext* ctx, const RnWeight& weight, int64_t rows, int64_t columns,
                    Bf16Matrix* matrix);
// The same of `count` of its columns, from `first` on; `kind` names which.
int32_t bf16_columns(RnContext* ctx, const RnWeight& weight, uint32_t kind, int64_t rows,
                     int64_t columns, int64_t first, int64_t count, Bf16Matrix* matrix);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_GEMM_GEMM_CUH_

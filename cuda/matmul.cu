// The product of an op's arguments. In bf16 a parameter is rounded once per version, not once per
// product: half the bytes to read, which is all that counts where rows are few.
#include "cuda/core/device.cuh"
#include "cuda/gemm/gemm.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {

int32_t matmul(RnContext* ctx, const RnMatmul* args) {
  if (args->c.mode == RN_GRAD_SKIP) return RN_OK;
  Gemm product;
  product.m = args->m;
  product.n = args->n;
  product.k = args->k;
  product.groups = args->groups;
  product.trans_a = args->trans_a != 0;
  product.trans_b = args->trans_b != 0;
  product.a = args->a;
  product.b = args->b.data;
  product.lda = product.trans_a ? args->m : args->k;
  product.ldb = product.trans_b ? args->k : args->n;
  product.ldc = args->n;
  product.stride_a = args->m * args->k;
  product.stride_b = args->k * args->n;
  product.stride_c = args->m * args->n;
  product.bias = static_cast<const float*>(args->bias);
  product.c = static_cast<float*>(args->c.data);
  product.add = args->c.mode == RN_GRAD_ADD;
  product.precision = args->precision;
  if (args->precision == RN_PRECISION_BF16 && args->b.id != 0 && args->groups == 1 && args->m > 0 &&
      args->n > 0 && args->k > 0) {
    Bf16Matrix b;
    const int64_t rows = product.trans_b ? args->n : args->k;
    const int32_t status = bf16_weight(ctx, args->b, rows, product.ldb, &b);
    if (status != RN_OK) return status;
    if (b.data != nullptr) {
      product.b = b.data;
      product.ldb = b.ld;
      product.stride_b = 0;
      product.b_bf16 = true;
    }
  }
  return gemm(ctx, product);
}

}  // namespace rnnative::cuda

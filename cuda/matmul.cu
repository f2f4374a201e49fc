// The product of an op's arguments: dense matrices, packed forms of a weight cached.
#include "cuda/device.cuh"
#include "cuda/gemm.cuh"
#include "cuda/ops.cuh"

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
  return gemm(ctx, product);
}

}  // namespace rnnative::cuda

// Matrix products: which kernel multiplies what.
#include "cuda/gemm.cuh"

#include <algorithm>

#include "cuda/device.cuh"
#include <intrinsics.cuh>

namespace rnnative::cuda {
namespace {

__device__ float operand(const void* data, int64_t at, bool bf16, bool rounds) {
  if (bf16)
    return __uint_as_float(static_cast<uint32_t>(static_cast<const uint16_t*>(data)[at]) << 16);
  const float value = static_cast<const float*>(data)[at];
  return rounds ? __uint_as_float(pack_bf16(0, value) & 0xffff0000u) : value;
}

__global__ void gemm_kernel(Gemm p) {
  const bool rounds = p.precision == RN_PRECISION_BF16;
  const int64_t total = p.groups * p.m * p.n;
  for (int64_t at = first_index(); at < total; at += index_stride()) {
    const int64_t j = at % p.n, i = at / p.n % p.m, g = at / p.n / p.m;
    float sum = 0;
    for (int64_t l = 0; l < p.k; ++l) {
      const int64_t a = g * p.stride_a + (p.trans_a ? l * p.lda + i : i * p.lda + l);
      const int64_t b = g * p.stride_b + (p.trans_b ? j * p.ldb + l : l * p.ldb + j);
      sum += operand(p.a, a, p.a_bf16, rounds) * operand(p.b, b, p.b_bf16, rounds);
    }
    if (p.bias != nullptr) sum += p.bias[j];
    float* c = p.c + g * p.stride_c + i * p.ldc + j;
    *c = p.add ? *c + sum : sum;
  }
}

}  // namespace

int32_t gemm(RnContext* ctx, const Gemm& product) {
  const int64_t total = product.groups * product.m * product.n;
  return total == 0 ? RN_OK : launch(ctx, over(total), gemm_kernel, product);
}

}  // namespace rnnative::cuda

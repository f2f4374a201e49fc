// Joins the sums of chunks: few numbers, in double, so that many chunks cost no accuracy.
#include "cuda/core/reduction.cuh"

namespace rnnative::cuda {
namespace {

// Block (32, kSumWarps), grid kept / 32. Shared: [kSumWarps, 32] doubles.
__global__ void join_kernel(const float* partial, int64_t chunks, int64_t kept, RnGrad y,
                            float scale) {
  auto* shared = reinterpret_cast<double*>(shared_memory());
  const int64_t k = static_cast<int64_t>(blockIdx.x) * kWarpSize + threadIdx.x;
  double sum = 0;
  if (k < kept) {
#pragma unroll 4
    for (int64_t chunk = threadIdx.y; chunk < chunks; chunk += kSumWarps)
      sum += static_cast<double>(partial[chunk * kept + k]);
  }
  shared[threadIdx.y * kWarpSize + threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || k >= kept) return;
  for (int w = 1; w < kSumWarps; ++w) sum += shared[w * kWarpSize + threadIdx.x];
  put(y, k, static_cast<float>(sum * scale));
}

}  // namespace

int32_t join_sums(RnContext* ctx, const float* partial, int64_t chunks, int64_t kept, int outputs,
                  const RnGrad* y, float scale) {
  Launch how;
  how.grid = dim3(static_cast<unsigned>(ceil_div(kept, kWarpSize)));
  how.block = dim3(kWarpSize, kSumWarps);
  how.shared = kSumThreads * sizeof(double);
  for (int output = 0; output < outputs; ++output) {
    if (y[output].mode == RN_GRAD_SKIP) continue;
    const int32_t status = launch(ctx, how, join_kernel, partial + output * chunks * kept, chunks,
                                  kept, y[output], scale);
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

}  // namespace rnnative::cuda

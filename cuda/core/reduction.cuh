// Sums over one index for every value of another: y[k] (+)= scale * sum over r of value(k, r).
// Bias gradients, sums over axes and gradients of broadcast operands are all this.
//
// Two ways to read memory once, coalesced: `sum_down` lays the lanes along k, where neighbours in
// k are neighbours in memory (the columns of a matrix); `sum_across` lays them along r (its rows).
// A long r is cut into chunks whose sums are joined, in double, by a second small kernel. There are
// no atomics, and chunks depend on the extent of r only, so a sum has the same bits whatever the
// device and whatever else is summed with it.
//
// What is summed is a type with
//   static constexpr int kOutputs                        sums formed side by side
//   Place place(int64_t k) const                         what depends on k alone
//   void add(const Place&, int64_t r, float (&sums)[kOutputs]) const
#ifndef RNNATIVE_CUDA_CORE_REDUCTION_CUH_
#define RNNATIVE_CUDA_CORE_REDUCTION_CUH_

#include <algorithm>

#include "cuda/core/block.cuh"
#include "cuda/core/device.cuh"
#include "cuda/core/vector.cuh"
#include "intrinsics.cuh"

namespace rnnative::cuda {

constexpr int kSumWarps = 8;  // of a block
constexpr int kSumThreads = kSumWarps * kWarpSize;
constexpr int64_t kShortSum = 512;  // up to here a part of a warp, beyond a block to each k

template <int kOutputs>
struct SumTarget {
  float* partial;  // [kOutputs, chunks, kept] or null: there is one chunk
  RnGrad y[kOutputs];
  float scale;
};

template <int kOutputs>
__device__ __forceinline__ void finish(const SumTarget<kOutputs>& to, int output, int64_t kept,
                                       int64_t k, float sum) {
  if (to.partial == nullptr) {
    put(to.y[output], k, sum * to.scale);
  } else {
    const int64_t chunk = static_cast<int64_t>(output) * gridDim.y + blockIdx.y;
    to.partial[chunk * kept + k] = sum;
  }
}

// Block (32, kSumWarps), grid (kept / 32, chunks). Shared: [kOutputs, kSumWarps, 32].
template <class Sum>
__global__ void sum_down_kernel(Sum sum, int64_t kept, int64_t reduced, int64_t chunk,
                                SumTarget<Sum::kOutputs> to) {
  constexpr int kOutputs = Sum::kOutputs;
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const int64_t k = static_cast<int64_t>(blockIdx.x) * kWarpSize + threadIdx.x;
  const int64_t begin = blockIdx.y * chunk, end = begin + chunk < reduced ? begin + chunk : reduced;
  float sums[kOutputs] = {};
  if (k < kept) {
    const auto place = sum.place(k);
#pragma unroll 4
    for (int64_t r = begin + threadIdx.y; r < end; r += kSumWarps) sum.add(place, r, sums);
  }
#pragma unroll
  for (int o = 0; o < kOutputs; ++o)
    shared[(o * kSumWarps + threadIdx.y) * kWarpSize + threadIdx.x] = sums[o];
  __syncthreads();
  if (threadIdx.y != 0 || k >= kept) return;
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
    float total = 0;
    for (int w = 0; w < kSumWarps; ++w)
      total += shared[(o * kSumWarps + w) * kWarpSize + threadIdx.x];
    finish(to, o, kept, k, total);
  }
}

// `width` threads to each k: a power of two up to 32, or all kSumThreads. Grid (kept / (kSumThreads
// / width), chunks).
template <class Sum>
__global__ void sum_across_kernel(Sum sum, int64_t kept, int64_t reduced, int64_t chunk, int width,
                                  SumTarget<Sum::kOutputs> to) {
  constexpr int kOutputs = Sum::kOutputs;
  const int lane = static_cast<int>(threadIdx.x) % width;
  const int64_t k = (static_cast<int64_t>(blockIdx.x) * kSumThreads + threadIdx.x) / width;
  const int64_t begin = blockIdx.y * chunk, end = begin + chunk < reduced ? begin + chunk : reduced;
  float sums[kOutputs] = {};
  if (k < kept) {
    const auto place = sum.place(k);
#pragma unroll 4
    for (int64_t r = begin + lane; r < end; r += width) sum.add(place, r, sums);
  }
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
    const float total = width > kWarpSize ? block_reduce(sums[o], Add{}, shared_memory())
                                          : warp_reduce(sums[o], Add{}, width);
    if (lane == 0 && k < kept) finish(to, o, kept, k, total);
  }
}

// y[output, k] (+)= scale * sum over chunks of partial[output, chunk, k].
int32_t join_sums(RnContext* ctx, const float* partial, int64_t chunks, int64_t kept, int outputs,
                  const RnGrad* y, float scale);

// How many r to a chunk: about 64 chunks, so that the few k of a long sum fill a large device too,
// but no more than 64 numbers to a thread, and no more chunks than a grid may have.
inline int64_t chunk_of(int64_t reduced, int64_t threads) {
  const int64_t wanted = std::clamp(ceil_div(reduced, 64), 8 * threads, 64 * threads);
  return std::max(wanted, ceil_div(reduced, 65535));
}

template <class Sum, class... Extra>
int32_t sum_chunks(RnContext* ctx,
                   void (*kernel)(Sum, int64_t, int64_t, int64_t, Extra...,
                                  SumTarget<Sum::kOutputs>),
                   Launch how, const Sum& sum, int64_t kept, int64_t reduced, int64_t chunk,
                   const RnGrad (&y)[Sum::kOutputs], float scale, Extra... extra) {
  constexpr int kOutputs = Sum::kOutputs;
  const int64_t chunks = std::max<int64_t>(ceil_div(reduced, chunk), 1);
  SumTarget<kOutputs> to = {nullptr, {}, scale};
  std::copy_n(y, kOutputs, to.y);
  if (chunks > 1) {
    to.partial = scratch_of<float>(ctx, kOutputs * chunks * kept);
    if (to.partial == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  how.grid.y = static_cast<unsigned>(chunks);
  const int32_t status = launch(ctx, how, kernel, sum, kept, reduced, chunk, extra..., to);
  if (status != RN_OK || chunks == 1) return status;
  return join_sums(ctx, to.partial, chunks, kept, kOutputs, y, scale);
}

template <class Sum>
int32_t sum_down(RnContext* ctx, const Sum& sum, int64_t kept, int64_t reduced,
                 const RnGrad (&y)[Sum::kOutputs], float scale = 1) {
  if (kept == 0) return RN_OK;
  const int64_t blocks = ceil_div(kept, kWarpSize);
  const int64_t chunk = chunk_of(reduced, kSumWarps);
  Launch how;
  how.grid = dim3(static_cast<unsigned>(blocks));
  how.block = dim3(kWarpSize, kSumWarps);
  how.shared = Sum::kOutputs * kSumThreads * sizeof(float);
  return sum_chunks<Sum>(ctx, sum_down_kernel<Sum>, how, sum, kept, reduced, chunk, y, scale);
}

template <class Sum>
int32_t sum_across(RnContext* ctx, const Sum& sum, int64_t kept, int64_t reduced,
                   const RnGrad (&y)[Sum::kOutputs], float scale = 1) {
  if (kept == 0) return RN_OK;
  int width = 1;
  while (width < kWarpSize && width < reduced) width *= 2;
  if (reduced > kShortSum) width = kSumThreads;
  const int64_t blocks = ceil_div(kept, kSumThreads / width);
  const int64_t chunk = width == kSumThreads ? chunk_of(reduced, kSumThreads) : kShortSum;
  Launch how;
  how.grid = dim3(static_cast<unsigned>(blocks));
  how.block = dim3(kSumThreads);
  how.shared = kReduceBytes;
  return sum_chunks<Sum, int>(ctx, sum_across_kernel<Sum>, how, sum, kept, reduced, chunk, y, scale,
                              width);
}

// y[columns] (+)= scale times the sums of the columns of x [rows, columns], rows `ld` apart.
int32_t sum_columns(RnContext* ctx, const float* x, int64_t rows, int64_t columns, int64_t ld,
                    const RnGrad& y, float scale = 1);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_REDUCTION_CUH_

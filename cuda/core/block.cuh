// Reductions over the threads of a warp or block. Every thread gets the result, and every thread
// the same bits: `combine` has to be commutative, and its order is fixed by the threads' places.
#ifndef RNNATIVE_CUDA_CORE_BLOCK_CUH_
#define RNNATIVE_CUDA_CORE_BLOCK_CUH_

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

namespace rnnative::cuda {

constexpr unsigned kAllLanes = 0xffffffffu;
constexpr int kWarpSize = 32;

// Shared memory that block_reduce needs, at most: a value of each warp.
constexpr size_t kReduceBytes = 32 * sizeof(uint64_t);

struct Add {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};
// Of a number and a NaN, the number.
struct Maximum {
  __device__ __forceinline__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

// The value of the lane whose number differs by the bits of `mask`.
template <class T>
__device__ __forceinline__ T exchange(T value, int mask) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  if constexpr (sizeof(T) == 4) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = __shfl_xor_sync(kAllLanes, bits, mask);
    memcpy(&value, &bits, sizeof bits);
  } else {
    unsigned long long bits;
    memcpy(&bits, &value, sizeof bits);
    bits = __shfl_xor_sync(kAllLanes, bits, mask);
    memcpy(&value, &bits, sizeof bits);
  }
  return value;
}

// Over each `width` neighbouring lanes, a power of two up to 32. All lanes of the warp take part.
template <class T, class Combine>
__device__ __forceinline__ T warp_reduce(T value, Combine combine, int width = kWarpSize) {
  for (int mask = width / 2; mask > 0; mask /= 2) value = combine(value, exchange(value, mask));
  return value;
}

// Over a block of one dimension, all of whose threads take part. `shared` is free again on
// return.
template <class T, class Combine>
__device__ __forceinline__ T block_reduce(T value, Combine combine, void* shared) {
  T* const warps = static_cast<T*>(shared);
  value = warp_reduce(value, combine);
  if (threadIdx.x % kWarpSize == 0) warps[threadIdx.x / kWarpSize] = value;
  __syncthreads();
  value = warps[0];
  for (unsigned w = 1; w < blockDim.x / kWarpSize; ++w) value = combine(value, warps[w]);
  __syncthreads();
  return value;
}

// Over a team of kThreads: a warp, or (then alone) a block of that size.
template <int kThreads, class T, class Combine>
__device__ __forceinline__ T team_reduce(T value, Combine combine, char* shared) {
  if constexpr (kThreads == kWarpSize) {
    return warp_reduce(value, combine);
  } else {
    return block_reduce(value, combine, shared);
  }
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_BLOCK_CUH_

// Accesses of 1 or 4 floats, and gradients that are written or added to. Kernels bound by memory
// come in two widths: 16 bytes an access where every address allows it, single floats elsewhere
// (tensors are aligned to 4 bytes only). An element's arithmetic is the same in both.
#ifndef RNNATIVE_CUDA_CORE_VECTOR_CUH_
#define RNNATIVE_CUDA_CORE_VECTOR_CUH_

#include <cuda_runtime.h>

#include <cstdint>

#include "native/abi/backend.h"

namespace rnnative::cuda {

constexpr int kWide = 4;

template <int kWidth>
struct alignas(4 * kWidth) Floats {
  float at[kWidth];
};

// Whether all addresses are multiples of 16; null is.
template <class... T>
bool aligned(const T*... at) {
  return ((reinterpret_cast<uintptr_t>(at) | ...) % (sizeof(float) * kWide)) == 0;
}

// The next kWidth of the `count` (at least 1) elements left at p; zeros past them.
template <int kWidth>
__device__ __forceinline__ Floats<kWidth> load(const float* p, int64_t count) {
  if (count >= kWidth) return *reinterpret_cast<const Floats<kWidth>*>(p);
  Floats<kWidth> v;
#pragma unroll
  for (int j = 0; j < kWidth; ++j) v.at[j] = j < count ? p[j] : 0.0f;
  return v;
}

template <int kWidth>
__device__ __forceinline__ void store(float* p, const Floats<kWidth>& v, int64_t count) {
  if (count >= kWidth) {
    *reinterpret_cast<Floats<kWidth>*>(p) = v;
    return;
  }
#pragma unroll
  for (int j = 0; j < kWidth; ++j)
    if (j < count) p[j] = v.at[j];
}

// Four neighbours where the address need not be aligned: what a thread sums does not depend on it.
// `fallback` stands for those past `count`, which may be negative.
__device__ __forceinline__ Floats<kWide> load_either(const float* p, int64_t count, bool wide,
                                                     float fallback) {
  if (wide && count >= kWide) return *reinterpret_cast<const Floats<kWide>*>(p);
  Floats<kWide> v;
#pragma unroll
  for (int j = 0; j < kWide; ++j) v.at[j] = j < count ? p[j] : fallback;
  return v;
}

__device__ __forceinline__ void store_either(float* p, const Floats<kWide>& v, int64_t count,
                                             bool wide) {
  if (wide && count >= kWide) {
    *reinterpret_cast<Floats<kWide>*>(p) = v;
    return;
  }
#pragma unroll
  for (int j = 0; j < kWide; ++j)
    if (j < count) p[j] = v.at[j];
}

// Element i of a gradient: written, added to or left alone.
__device__ __forceinline__ void put(const RnGrad& grad, int64_t i, float value) {
  if (grad.mode == RN_GRAD_SKIP) return;
  float* at = static_cast<float*>(grad.data) + i;
  *at = grad.mode == RN_GRAD_ADD ? *at + value : value;
}

// Elements i .. i + kWidth - 1, as far as `count` goes.
template <int kWidth>
__device__ __forceinline__ void put(const RnGrad& grad, int64_t i, Floats<kWidth> v,
                                    int64_t count) {
  if (grad.mode == RN_GRAD_SKIP) return;
  float* at = static_cast<float*>(grad.data) + i;
  if (grad.mode == RN_GRAD_ADD) {
    const Floats<kWidth> old = load<kWidth>(at, count);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) v.at[j] += old.at[j];
  }
  store<kWidth>(at, v, count);
}

// As store_either.
__device__ __forceinline__ void put_either(const RnGrad& grad, int64_t i, Floats<kWide> v,
                                           int64_t count, bool wide) {
  if (grad.mode == RN_GRAD_SKIP) return;
  float* at = static_cast<float*>(grad.data) + i;
  if (grad.mode == RN_GRAD_ADD) {
    const Floats<kWide> old = load_either(at, count, wide, 0);
#pragma unroll
    for (int j = 0; j < kWide; ++j) v.at[j] += old.at[j];
  }
  store_either(at, v, count, wide);
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_VECTOR_CUH_

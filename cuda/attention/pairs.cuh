// How a pair of a query and a key is scored.
//
// Additive scores are bound by tanh, of which the hardware has nothing accurate. But with
//   d = 1 + e^2(q + k), tanh(q + k) = 1 - 2 / d, and tanh' = 4 (1 / d - 1 / d^2),
// and e^2(q + k) = e^2q e^2k: a tile of queries and keys needs the exponentials of its rows only,
// then one multiply-add and half a reciprocal a pair and feature (the other half comes from
// multiplying two denominators before). Where a tile holds numbers too large for such exponentials
// it takes those of the sums.
#ifndef RNNATIVE_CUDA_ATTENTION_PAIRS_CUH_
#define RNNATIVE_CUDA_ATTENTION_PAIRS_CUH_

#include <intrinsics.cuh>

#include "cuda/attention/attention.cuh"
#include "cuda/core/block.cuh"

namespace rnnative::cuda {

// The numbers of a row, `n` of them; 16 bytes at a time where `wide`.
struct RowView {
  const float* data;
  int64_t stride, n;
  bool wide;
};
inline bool is_wide(const void* data, int64_t stride) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride % 4 == 0;
}
// Features f .. f + 3 of row i, zeros past the end.
__device__ __forceinline__ float4 load4(const RowView& rows, int64_t i, int64_t f) {
  const float* at = rows.data + i * rows.stride + f;
  if (rows.wide && f + 4 <= rows.n) return *reinterpret_cast<const float4*>(at);
  return make_float4(f < rows.n ? at[0] : 0.0f, f + 1 < rows.n ? at[1] : 0.0f,
                     f + 2 < rows.n ? at[2] : 0.0f, f + 3 < rows.n ? at[3] : 0.0f);
}

// Numbers up to this have exponentials e^2x of which two multiply, twice over, within f32.
constexpr float kExponentialLimit = 10;
__device__ __forceinline__ bool is_far(float x) {
  return !(fabsf(x) <= kExponentialLimit);
}
__device__ __forceinline__ bool is_far(const float4& x) {
  return is_far(x.x) || is_far(x.y) || is_far(x.z) || is_far(x.w);
}
__device__ __forceinline__ float exponential(float x) {
  return __expf(2 * x);
}
__device__ __forceinline__ float4 exponential(const float4& x) {
  return make_float4(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w));
}

// 1 + e^2(q + k), of numbers or of their exponentials. Beyond 20 the float next to tanh is 1
// anyway; NaN stays.
template <bool kExponentials>
__device__ __forceinline__ float denominator(float q, float k) {
  if (kExponentials) return fmaf(q, k, 1.0f);
  const float x = q + k;
  return 1.0f + exponential(x > 20.0f ? 20.0f : x);
}
// v / d of two features: tanh's part that depends on the pair, over -2.
template <bool kExponentials>
__device__ __forceinline__ float additive2(float q0, float q1, float k0, float k1, float v0,
                                           float v1, float sum) {
  const float d0 = denominator<kExponentials>(q0, k0), d1 = denominator<kExponentials>(q1, k1);
  return fmaf(fmaf(v0, d1, v1 * d0), reciprocal_approximate(d0 * d1), sum);
}
template <bool kExponentials>
__device__ __forceinline__ float additive4(const float4& q, const float4& k, const float4& v,
                                           float sum) {
  return additive2<kExponentials>(q.z, q.w, k.z, k.w, v.z, v.w,
                                  additive2<kExponentials>(q.x, q.y, k.x, k.y, v.x, v.y, sum));
}
// tanh' = 4 (1 / d - 1 / d^2) of two sums from their denominators; `r`: 1 / d.
__device__ __forceinline__ void reciprocal2(float d0, float d1, float& r0, float& r1) {
  const float both = reciprocal_approximate(d0 * d1);
  r0 = both * d1;
  r1 = both * d0;
}
__device__ __forceinline__ float quarter_slope(float r) {
  return fmaf(-r, r, r);
}
__device__ __forceinline__ float4 additive_slope4(const float4& q, const float4& k) {
  float4 r;
  reciprocal2(denominator<false>(q.x, k.x), denominator<false>(q.y, k.y), r.x, r.y);
  reciprocal2(denominator<false>(q.z, k.z), denominator<false>(q.w, k.w), r.z, r.w);
  return make_float4(4 * quarter_slope(r.x), 4 * quarter_slope(r.y), 4 * quarter_slope(r.z),
                     4 * quarter_slope(r.w));
}
__device__ __forceinline__ float dot4(const float4& a, const float4& b, float sum) {
  return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}

// What sums of the above are multiplied by. The sum of v, which all additive scores of a query
// share, is left out: their softmax does not change.
inline float score_scale(int32_t score, int64_t features) {
  if (score == RN_SCORE_ADDITIVE) return -2;
  return score == RN_SCORE_DOT ? 1 : static_cast<float>(1 / sqrt(static_cast<double>(features)));
}
inline float gradient_scale(int32_t score, int64_t features) {
  return score == RN_SCORE_ADDITIVE ? 1 : score_scale(score, features);
}

// One warp: row[0..n) becomes its softmax, row[n..total) zero.
__device__ inline void softmax_row(float* row, int64_t n, int64_t total, int lane) {
  float most = -INFINITY, sum = 0;
  for (int64_t j = lane; j < n; j += kWarpSize) most = fmaxf(most, row[j]);
  most = warp_reduce(most, Maximum{});
  for (int64_t j = lane; j < n; j += kWarpSize) sum += row[j] = expf(row[j] - most);
  sum = warp_reduce(sum, Add{});
  for (int64_t j = lane; j < total; j += kWarpSize) row[j] = j < n ? row[j] / sum : 0.0f;
}
// One warp: row[0..n), a softmax's gradients, become those of the scores, times `scale`.
// `dweights` is added to them before; null: nothing.
__device__ inline void softmax_backward_row(float* row, const float* weights, const float* dweights,
                                            int64_t n, float scale, int lane) {
  float mean = 0;
  for (int64_t j = lane; j < n; j += kWarpSize) {
    if (dweights) row[j] += dweights[j];
    mean = fmaf(weights[j], row[j], mean);
  }
  mean = warp_reduce(mean, Add{});
  for (int64_t j = lane; j < n; j += kWarpSize) row[j] = weights[j] * (row[j] - mean) * scale;
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_ATTENTION_PAIRS_CUH_

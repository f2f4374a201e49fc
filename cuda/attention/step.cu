// Attention of one query a block, for the decoder's steps. With nothing to share between queries a
// warp takes four keys at a time straight from global memory (the same query and v for all four),
// and the sums over keys are divided among groups of threads, so that many loads are under way:
// such a step is bound by latency. Its block does all that lies between two matrix products.
#include "cuda/attention/pairs.cuh"

namespace rnnative::cuda {
namespace {

constexpr int kThreads = 512, kWarps = kThreads / kWarpSize, kKeysAtOnce = 4;
// Quads of features that groups of threads have sums of.
constexpr size_t kShared = kThreads * sizeof(float4);

// scores[j] = scale * (the score of `query` and key j), j < length.
template <bool kAdditive>
__device__ void score_keys(const RowView& query, const RowView& keys, int64_t length,
                           const RowView& v, float scale, float* scores) {
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  for (int64_t first = warp * kKeysAtOnce; first < length; first += kWarps * kKeysAtOnce) {
    float sums[kKeysAtOnce] = {};
    for (int64_t f = lane * 4; f < query.n; f += kWarpSize * 4) {
      float4 k[kKeysAtOnce];
#pragma unroll
      for (int j = 0; j < kKeysAtOnce; ++j)
        k[j] = first + j < length ? load4(keys, first + j, f) : make_float4(0, 0, 0, 0);
      const float4 q = load4(query, 0, f);
      const float4 factor = kAdditive ? load4(v, 0, f) : q;
#pragma unroll
      for (int j = 0; j < kKeysAtOnce; ++j)
        sums[j] = kAdditive ? additive4<false>(q, k[j], factor, sums[j]) : dot4(q, k[j], sums[j]);
    }
#pragma unroll
    for (int j = 0; j < kKeysAtOnce; ++j) {
      const float sum = warp_reduce(sums[j], Add{});
      if (lane == j && first + j < length) scores[first + j] = sum * scale;
    }
  }
}

__device__ __forceinline__ float4 multiply_add(float a, const float4& x, const float4& sum) {
  return make_float4(fmaf(a, x.x, sum.x), fmaf(a, x.y, sum.y), fmaf(a, x.z, sum.z),
                     fmaf(a, x.w, sum.w));
}

// put(f, sum over j < length of factors[j] terms(f)(j)) for each quad of features from f on, by one
// thread. The keys are divided among as many groups of threads as there are quads for.
template <class Terms, class Put>
__device__ void combine_keys(const float* factors, int64_t length, int64_t features,
                             const Terms& terms, const Put& put) {
  auto* const parts = reinterpret_cast<float4*>(shared_memory());  // [groups][quads]
  const int64_t quads = (features + 3) / 4;
  const int across = static_cast<int>(
      quads < kThreads ? (quads + kWarpSize - 1) / kWarpSize * kWarpSize : kThreads);
  const int groups = kThreads / across, thread = static_cast<int>(threadIdx.x);
  const int group = thread / across, own = thread % across;
  for (int64_t first = 0; first < quads; first += across) {
    float4 sum = make_float4(0, 0, 0, 0);
    const int64_t f = (first + own) * 4;
    if (group < groups && f < features) {
      const auto term = terms(f);
#pragma unroll 4
      for (int64_t j = group; j < length; j += groups) sum = multiply_add(factors[j], term(j), sum);
    }
    __syncthreads();
    parts[thread] = sum;
    __syncthreads();
    if (group != 0 || f >= features) continue;
    for (int g = 1; g < groups; ++g) sum = multiply_add(1, parts[g * across + own], sum);
    put(f, sum);
  }
}

__device__ __forceinline__ void store4(float* row, int64_t f, int64_t n, const float4& x) {
  row[f] = x.x;
  if (f + 1 < n) row[f + 1] = x.y;
  if (f + 2 < n) row[f + 2] = x.z;
  if (f + 3 < n) row[f + 3] = x.w;
}
__device__ __forceinline__ void store4(const Rounded& to, int64_t row, int64_t f, int64_t n,
                                       const float4& x) {
  to.put(row, f, x.x);
  if (f + 1 < n) to.put(row, f + 1, x.y);
  if (f + 2 < n) to.put(row, f + 2, x.z);
  if (f + 3 < n) to.put(row, f + 3, x.w);
}

// A block's query, and the memory it reads.
struct Place {
  int64_t row, memory, length;  // length 0: nothing is attended to
  __device__ explicit Place(const AttentionStep& s) {
    row = blockIdx.x;
    memory = row / s.beams;
    const bool active = !s.lengths || s.step < s.lengths[row];
    length = !active ? 0 : s.memory.lengths ? s.memory.lengths[memory] : s.memory.length;
  }
};
struct Wide {
  bool features, values, dcontext;
};

__device__ RowView keys_of(const AttentionMemory& m, int64_t row, bool wide) {
  return {m.keys + row * m.features, m.rows * m.features, m.features, wide};
}
__device__ RowView values_of(const AttentionMemory& m, int64_t row, bool wide) {
  return {m.values + row * m.width, m.rows * m.width, m.width, wide};
}

template <bool kAdditive>
__global__ void __launch_bounds__(kThreads) step_kernel(AttentionStep s, float scale, Wide wide) {
  const AttentionMemory& m = s.memory;
  const Place place(s);
  const int thread = static_cast<int>(threadIdx.x);
  float* const weights = s.weights + place.row * m.length;
  if (place.length > 0)
    score_keys<kAdditive>(
        RowView{s.queries + place.row * s.query_stride, 0, m.features, wide.features},
        keys_of(m, place.memory, wide.features), place.length,
        RowView{m.v, 0, m.features, wide.features}, scale, weights);
  __syncthreads();
  if (thread < kWarpSize) softmax_row(weights, place.length, m.length, thread);
  __syncthreads();
  const RowView values = values_of(m, place.memory, wide.values);
  combine_keys(
      weights, place.length, m.width,
      [&](int64_t f) { return [=](int64_t j) { return load4(values, j, f); }; },
      [&](int64_t f, const float4& sum) {
        store4(s.context + place.row * s.context_stride, f, m.width, sum);
        if (s.context_copy) store4(s.context_copy + place.row * m.width, f, m.width, sum);
        store4(s.context_rounded, place.row, f, m.width, sum);
      });
}

template <bool kAdditive>
__global__ void __launch_bounds__(kThreads)
    step_backward_kernel(AttentionStepBackward s, float scale, Wide wide) {
  const AttentionMemory& m = s.forward.memory;
  const Place place(s.forward);
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t at = place.row * m.length;
  float* const factors = s.factors + at;
  if (place.length > 0) {
    const RowView dcontext = {s.dcontext + place.row * s.dcontext_stride, 0, m.width,
                              wide.dcontext};
    score_keys<false>(dcontext, values_of(m, place.memory, wide.values), place.length, dcontext, 1,
                      factors);
  }
  __syncthreads();
  if (thread < kWarpSize)
    softmax_backward_row(factors, s.forward.weights + at, s.dweights ? s.dweights + at : nullptr,
                         place.length, scale, thread);
  __syncthreads();
  const RowView query = {s.forward.queries + place.row * s.forward.query_stride, 0, m.features,
                         wide.features};
  const RowView keys = keys_of(m, place.memory, wide.features);
  const RowView v = {m.v, 0, m.features, wide.features};
  combine_keys(
      factors, place.length, m.features,
      [&](int64_t f) {
        const float4 q = kAdditive ? load4(query, 0, f) : make_float4(0, 0, 0, 0);
        return [=](int64_t j) {
          const float4 k = load4(keys, j, f);
          return kAdditive ? additive_slope4(q, k) : k;
        };
      },
      [&](int64_t f, const float4& sum) {
        const float4 by = kAdditive ? load4(v, 0, f) : make_float4(1, 1, 1, 1);
        const float4 d = make_float4(sum.x * by.x, sum.y * by.y, sum.z * by.z, sum.w * by.w);
        store4(s.dqueries + place.row * m.features, f, m.features, d);
        store4(s.dqueries_rounded, place.row, f, m.features, d);
      });
}

Launch blocks(int64_t n) {
  Launch how;
  how.grid = dim3(static_cast<unsigned>(n));
  how.block = dim3(kThreads);
  how.shared = kShared;
  return how;
}
Wide wide_of(const AttentionStep& s) {
  const AttentionMemory& m = s.memory;
  Wide wide = {};
  wide.features = is_wide(s.queries, s.query_stride) && is_wide(m.keys, m.features) &&
                  (m.score != RN_SCORE_ADDITIVE || is_wide(m.v, 0));
  wide.values = is_wide(m.values, m.width);
  return wide;
}

}  // namespace

int32_t attend_step(RnContext* ctx, const AttentionStep& step) {
  const AttentionMemory& m = step.memory;
  return launch(ctx, blocks(step.batch),
                m.score == RN_SCORE_ADDITIVE ? step_kernel<true> : step_kernel<false>, step,
                score_scale(m.score, m.features), wide_of(step));
}

int32_t attend_step_backward(RnContext* ctx, const AttentionStepBackward& step) {
  const AttentionMemory& m = step.forward.memory;
  Wide wide = wide_of(step.forward);
  wide.dcontext = is_wide(step.dcontext, step.dcontext_stride);
  return launch(
      ctx, blocks(step.forward.batch),
      m.score == RN_SCORE_ADDITIVE ? step_backward_kernel<true> : step_backward_kernel<false>, step,
      gradient_scale(m.score, m.features), wide);
}

}  // namespace rnnative::cuda

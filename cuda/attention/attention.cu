// Attention, forward: one kernel. A block scores 8 queries of a row against all its keys into the
// weights, which are an output anyway, makes them a softmax where they lie (its own writes, so the
// caches have them), and sums the values by them: nothing of size Tq Tk A is ever stored. Few
// queries take the same way, so that a row's result does not depend on how long others are.
#include "cuda/attention/tile.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

constexpr int kOwnFeatures = 2;  // of the context, a thread and pass

struct Forward {
  RnAttention args;
  float scale;
  bool wide;  // queries, keys and v allow 16-byte loads
};

// context[i, f] = sum_j weights[i, j] values[j, f] for i < count; weight rows `weight_stride`
// apart, value rows `value_stride`. The weights of 64 keys at a time go through shared memory.
__device__ void combine_tile(const float* weights, int64_t weight_stride, int count,
                             const float* values, int64_t value_stride, int64_t length,
                             float* context, int64_t context_stride, int64_t width) {
  auto* const factors = reinterpret_cast<float*>(shared_memory());  // [64][8]
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t first = 0; first < width; first += kOwnFeatures * kTileThreads) {
    const int64_t f0 = first + thread, f1 = f0 + kTileThreads;
    float sums[kOwnFeatures][kTileQueries] = {};
    for (int64_t j0 = 0; j0 < length; j0 += kTileKeys) {
      const int here = static_cast<int>(length - j0 < kTileKeys ? length - j0 : kTileKeys);
      __syncthreads();
      for (int n = thread; n < kTileKeys * kTileQueries; n += kTileThreads) {
        const int i = n / kTileKeys, j = n % kTileKeys;
        factors[j * kTileQueries + i] =
            i < count && j < here ? weights[i * weight_stride + j0 + j] : 0.0f;
      }
      __syncthreads();
#pragma unroll 4
      for (int j = 0; j < here; ++j) {
        const float* row = values + (j0 + j) * value_stride;
        const float x0 = f0 < width ? row[f0] : 0.0f, x1 = f1 < width ? row[f1] : 0.0f;
        alignas(16) float w[kTileQueries];
        *reinterpret_cast<float4*>(w) =
            *reinterpret_cast<const float4*>(factors + j * kTileQueries);
        *reinterpret_cast<float4*>(w + 4) =
            *reinterpret_cast<const float4*>(factors + j * kTileQueries + 4);
#pragma unroll
        for (int i = 0; i < kTileQueries; ++i) {
          sums[0][i] = fmaf(w[i], x0, sums[0][i]);
          sums[1][i] = fmaf(w[i], x1, sums[1][i]);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < kTileQueries; ++i) {
      if (i < count && f0 < width) context[i * context_stride + f0] = sums[0][i];
      if (i < count && f1 < width) context[i * context_stride + f1] = sums[1][i];
    }
  }
}

template <bool kAdditive>
__global__ void __launch_bounds__(kTileThreads, kAdditive ? 5 : 4) attention_kernel(Forward call) {
  const RnAttention& args = call.args;
  const RnAttentionDesc& d = args.desc;
  const int64_t tiles = (d.queries + kTileQueries - 1) / kTileQueries;
  const int64_t b = blockIdx.x / tiles, first = blockIdx.x % tiles * kTileQueries;
  const int64_t length = args.memory_lengths ? args.memory_lengths[b] : d.keys;
  const int64_t ends = args.query_lengths ? args.query_lengths[b] : d.queries;
  const auto up_to = [first](int64_t end) {
    return static_cast<int>(end - first < 0              ? 0
                            : end - first < kTileQueries ? end - first
                                                         : kTileQueries);
  };
  const int rows = up_to(d.queries), count = length == 0 ? 0 : up_to(ends);
  float* const weights = static_cast<float*>(args.weights) + (first * d.batch + b) * d.keys;
  float* const context = static_cast<float*>(args.context) + (first * d.batch + b) * d.width;
  const int64_t weight_stride = d.batch * d.keys, context_stride = d.batch * d.width;
  const int thread = static_cast<int>(threadIdx.x);

  for (int i = count; i < rows; ++i) {
    for (int64_t j = thread; j < d.keys; j += kTileThreads) weights[i * weight_stride + j] = 0;
    for (int64_t f = thread; f < d.width; f += kTileThreads) context[i * context_stride + f] = 0;
  }
  if (count == 0) return;

  const auto* queries = static_cast<const float*>(args.queries);
  const RowView q = {queries + (first * d.batch + b) * d.features, d.batch * d.features, d.features,
                     call.wide};
  const RowView k = {static_cast<const float*>(args.keys) + b * d.features, d.batch * d.features,
                     d.features, call.wide};
  const RowView v = {static_cast<const float*>(args.v), 0, d.features, call.wide};
  score_tile<kAdditive>(q, count, k, length, v, [&](int i, int64_t j, float sum) {
    weights[i * weight_stride + j] = sum * call.scale;
  });
  __syncthreads();
  for (int i = thread / kWarpSize; i < count; i += kTileThreads / kWarpSize)
    softmax_row(weights + i * weight_stride, length, d.keys, thread % kWarpSize);
  __syncthreads();
  combine_tile(weights, weight_stride, count, static_cast<const float*>(args.values) + b * d.width,
               context_stride, length, context, context_stride, d.width);
}

}  // namespace

int32_t attention(RnContext* ctx, const RnAttention* args) {
  const RnAttentionDesc& d = args->desc;
  int32_t status = check_attention_lengths(ctx, *args);
  if (status != RN_OK) return status;
  const bool additive = d.score == RN_SCORE_ADDITIVE;
  const Forward call = {*args, score_scale(d.score, d.features),
                        is_wide(args->queries, d.features) && is_wide(args->keys, d.features) &&
                            (!additive || is_wide(args->v, 0))};
  Launch how;
  how.grid = dim3(static_cast<unsigned>(ceil_div(d.queries, kTileQueries) * d.batch));
  how.block = dim3(kTileThreads);
  how.shared = kTileShared;
  return launch(ctx, how, additive ? attention_kernel<true> : attention_kernel<false>, call);
}

}  // namespace rnnative::cuda

// Scores of a tile of 8 queries with all keys of a row. A block takes 64 keys and 32 features at a
// time into shared memory, where a thread's 2 queries and 2 keys share the loads of 16 bytes; the
// next 32 features are on their way from global memory meanwhile. Lanes 0-7 (8-15 ...) hold one
// query and eight keys, whose rows of 36 floats fall into all banks.
#ifndef RNNATIVE_CUDA_ATTENTION_TILE_CUH_
#define RNNATIVE_CUDA_ATTENTION_TILE_CUH_

#include "cuda/attention/pairs.cuh"

namespace rnnative::cuda {

constexpr int kTileQueries = 8, kTileKeys = 64, kTileFeatures = 32, kTileThreads = 128;
constexpr int kTileStride = kTileFeatures + 4;
constexpr size_t kTileShared =
    ((kTileQueries + kTileKeys) * kTileStride + kTileFeatures) * sizeof(float);

// sums[a][b] += over the features in shared memory, of queries 4 a from `q` on and keys 32 b from
// `k` on.
template <bool kAdditive, bool kExponentials, int kQueries, int kKeys>
__device__ __forceinline__ void score_features(const float* q, const float* k, const float* v,
                                               float (&sums)[2][2]) {
  const auto load = [](const float* at) { return *reinterpret_cast<const float4*>(at); };
#pragma unroll 2
  for (int f = 0; f < kTileFeatures; f += 4) {
    const float4 factor = kAdditive ? load(v + f) : make_float4(0, 0, 0, 0);
    float4 keys[kKeys];
#pragma unroll
    for (int b = 0; b < kKeys; ++b) keys[b] = load(k + b * 32 * kTileStride + f);
#pragma unroll
    for (int a = 0; a < kQueries; ++a) {
      const float4 query = load(q + a * 4 * kTileStride + f);
#pragma unroll
      for (int b = 0; b < kKeys; ++b)
        sums[a][b] = kAdditive ? additive4<kExponentials>(query, keys[b], factor, sums[a][b])
                               : dot4(query, keys[b], sums[a][b]);
    }
  }
}

// put(i, j, sum) for queries i < count <= 8 and keys j < length, by the thread that has the sum.
// All kTileThreads threads take part; their shared memory is theirs again after a barrier.
template <bool kAdditive, class Put>
__device__ void score_tile(const RowView& queries, int count, const RowView& keys, int64_t length,
                           const RowView& v, const Put& put) {
  auto* const q = reinterpret_cast<float*>(shared_memory());  // [8][36]
  float* const k = q + kTileQueries * kTileStride;            // [64][36]
  float* const factors = k + kTileKeys * kTileStride;         // [32]
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarpSize,
            lane = thread % kWarpSize;
  const int row = thread / 8, column = thread % 8 * 4;  // of what this thread brings
  const int query = lane / 8, key = warp * 8 + lane % 8;

  for (int64_t first = 0; first < length; first += kTileKeys) {
    const int here = static_cast<int>(length - first < kTileKeys ? length - first : kTileKeys);
    const bool both_queries = count > 4, both_keys = warp * 8 + 32 < here;
    float sums[2][2] = {};
    float4 some_keys[4], some_queries, some_v;
    const auto fetch = [&](int64_t f) {
      const float4 zero = make_float4(0, 0, 0, 0);
#pragma unroll
      for (int m = 0; m < 4; ++m)
        some_keys[m] = row + 16 * m < here ? load4(keys, first + row + 16 * m, f + column) : zero;
      some_queries = row < count ? load4(queries, row, f + column) : zero;
      some_v = kAdditive && row == 8 ? load4(v, 0, f + column) : zero;
    };
    fetch(0);
    for (int64_t f = 0; f < queries.n; f += kTileFeatures) {
      bool far = false;
      if (kAdditive) {
        far = is_far(some_queries);
#pragma unroll
        for (int m = 0; m < 4; ++m) far |= is_far(some_keys[m]);
      }
      // Also the end of what was done with the features before.
      const bool exponentials = __syncthreads_or(far) == 0 && kAdditive;
#pragma unroll
      for (int m = 0; m < 4; ++m)
        *reinterpret_cast<float4*>(k + (row + 16 * m) * kTileStride + column) =
            exponentials ? exponential(some_keys[m]) : some_keys[m];
      if (row < kTileQueries)
        *reinterpret_cast<float4*>(q + row * kTileStride + column) =
            exponentials ? exponential(some_queries) : some_queries;
      if (kAdditive && row == 8) *reinterpret_cast<float4*>(factors + column) = some_v;
      __syncthreads();
      if (f + kTileFeatures < queries.n) fetch(f + kTileFeatures);
      if (warp * 8 >= here) continue;
      const float *own_q = q + query * kTileStride, *own_k = k + key * kTileStride;
      if (kAdditive && !exponentials) {
        score_features<kAdditive, false, 2, 2>(own_q, own_k, factors, sums);
      } else if (both_queries) {
        if (both_keys)
          score_features<kAdditive, kAdditive, 2, 2>(own_q, own_k, factors, sums);
        else
          score_features<kAdditive, kAdditive, 2, 1>(own_q, own_k, factors, sums);
      } else {
        if (both_keys)
          score_features<kAdditive, kAdditive, 1, 2>(own_q, own_k, factors, sums);
        else
          score_features<kAdditive, kAdditive, 1, 1>(own_q, own_k, factors, sums);
      }
    }
#pragma unroll
    for (int a = 0; a < 2; ++a)
#pragma unroll
      for (int b = 0; b < 2; ++b)
        if (query + 4 * a < count && key + 32 * b < here)
          put(query + 4 * a, first + key + 32 * b, sums[a][b]);
  }
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_ATTENTION_TILE_CUH_

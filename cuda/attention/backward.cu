// Attention, backward, in two kinds of kernels. The first forms the scores' gradients, tile by tile
// as forward formed the scores (the products here are those of the context's gradient with the
// values), into scratch of the weights' size. The others are sums over pairs of queries and keys,
// for which a block owns 32 features of one row: a lane has a feature, a warp eight keys, and all
// warps pass over the queries eight at a time. So every tanh is computed once more for all of dq,
// dk and dv together; dk and dv are summed in registers, dq over the warps in their order.
#include "cuda/attention/tile.cuh"
#include "cuda/core/reduction.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct ScoreGradients {
  RnAttentionBackward args;
  float scale;
  bool wide;       // dcontext and values allow 16-byte loads
  float* dscores;  // [Tq, B, Tk]
};

__global__ void __launch_bounds__(kTileThreads) score_gradients_kernel(ScoreGradients call) {
  const RnAttention& args = call.args.forward;
  const RnAttentionDesc& d = args.desc;
  const int64_t tiles = (d.queries + kTileQueries - 1) / kTileQueries;
  const int64_t b = blockIdx.x / tiles, first = blockIdx.x % tiles * kTileQueries;
  const int64_t length = args.memory_lengths ? args.memory_lengths[b] : d.keys;
  const int64_t left = (args.query_lengths ? args.query_lengths[b] : d.queries) - first;
  if (left <= 0 || length == 0) return;
  const int count = static_cast<int>(left < kTileQueries ? left : kTileQueries);
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t at = (first * d.batch + b) * d.keys, stride = d.batch * d.keys;
  float* const dscores = call.dscores + at;
  if (call.args.dcontext) {
    const auto* dcontext = static_cast<const float*>(call.args.dcontext);
    const RowView q = {dcontext + (first * d.batch + b) * d.width, d.batch * d.width, d.width,
                       call.wide};
    const RowView k = {static_cast<const float*>(args.values) + b * d.width, d.batch * d.width,
                       d.width, call.wide};
    score_tile<false>(q, count, k, length, q,
                      [&](int i, int64_t j, float sum) { dscores[i * stride + j] = sum; });
  } else {
    for (int i = 0; i < count; ++i)
      for (int64_t j = thread; j < length; j += kTileThreads) dscores[i * stride + j] = 0;
  }
  __syncthreads();
  const auto* weights = static_cast<const float*>(args.weights) + at;
  const auto* dweights = static_cast<const float*>(call.args.dweights);
  for (int i = thread / kWarpSize; i < count; i += kTileThreads / kWarpSize)
    softmax_backward_row(dscores + i * stride, weights + i * stride,
                         dweights ? dweights + at + i * stride : nullptr, length, call.scale,
                         thread % kWarpSize);
}

// ---- sums over pairs

constexpr int kWarps = 8, kThreads = kWarps * kWarpSize, kOwnKeys = 8, kKeys = kWarps * kOwnKeys;
constexpr int kQueries = kWarps;  // at a time, one brought by each warp
constexpr size_t kShared =
    (kQueries * kWarpSize + kQueries * kKeys + kWarps * kQueries * kWarpSize) * sizeof(float);

// One query's pairs with the keys of this warp, at this lane's feature.
template <int kKind, bool kExponentials>
__device__ __forceinline__ float pair_sums(float q, const float (&k)[kOwnKeys],
                                           const float* factors, float (&dk)[kOwnKeys], float& dv) {
  float dq = 0;
#pragma unroll
  for (int j = 0; j < kOwnKeys; j += 4) {
    const float4 four = *reinterpret_cast<const float4*>(factors + j);
    const float s[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int n = 0; n < 4; n += 2) {
      if (kKind == PAIR_ADDITIVE) {
        float r0, r1;
        reciprocal2(denominator<kExponentials>(q, k[j + n]),
                    denominator<kExponentials>(q, k[j + n + 1]), r0, r1);
        const float u0 = quarter_slope(r0), u1 = quarter_slope(r1);
        dq = fmaf(s[n + 1], u1, fmaf(s[n], u0, dq));
        dk[j + n] = fmaf(s[n], u0, dk[j + n]);
        dk[j + n + 1] = fmaf(s[n + 1], u1, dk[j + n + 1]);
        dv = fmaf(s[n + 1], r1, fmaf(s[n], r0, dv));
      } else {
        if (kKind == PAIR_DOT) dq = fmaf(s[n + 1], k[j + n + 1], fmaf(s[n], k[j + n], dq));
        dk[j + n] = fmaf(s[n], q, dk[j + n]);
        dk[j + n + 1] = fmaf(s[n + 1], q, dk[j + n + 1]);
      }
    }
  }
  return dq;
}

// `dv_rows`: [B, A] each row's part of dv over -2; null: not wanted.
template <int kKind>
__global__ void __launch_bounds__(kThreads) pair_kernel(PairGradients p, float* dv_rows) {
  auto* const queries = reinterpret_cast<float*>(shared_memory());  // [8 queries][32]
  float* const factors = queries + kQueries * kWarpSize;            // [8 queries][64 keys]
  float* const parts = factors + kQueries * kKeys;                  // [8 warps][8 queries][32]
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarpSize,
            lane = thread % kWarpSize;
  const int64_t chunks = (p.features + kWarpSize - 1) / kWarpSize;
  const int64_t b = blockIdx.x / chunks, f = blockIdx.x % chunks * kWarpSize + lane;
  const bool own = f < p.features;
  int64_t nq = p.query_lengths ? p.query_lengths[b] : p.queries;
  int64_t nk = p.key_lengths ? p.key_lengths[b] : p.keys;
  if (nq == 0 || nk == 0) nq = nk = 0;
  const float slope = kKind == PAIR_ADDITIVE && own ? 4 * p.v[f] : 1.0f;
  float dv = 0;

  for (int64_t first = 0; first < nk; first += kKeys) {
    const int64_t mine = first + warp * kOwnKeys;
    float k[kOwnKeys] = {}, near[kOwnKeys], dk[kOwnKeys] = {};
    bool keys_far = false;
#pragma unroll
    for (int j = 0; j < kOwnKeys; ++j) {
      if (kKind != PAIR_SUM && own && mine + j < nk)
        k[j] = p.k[((mine + j) * p.batch + b) * p.features + f];
      keys_far |= is_far(k[j]);
      near[j] = kKind == PAIR_ADDITIVE ? exponential(k[j]) : 0.0f;
    }
    for (int64_t group = 0; group < nq; group += kQueries) {
      const int count = static_cast<int>(nq - group < kQueries ? nq - group : kQueries);
      const int64_t brought = (group + warp) * p.batch + b;
      const float q = own && warp < count ? p.q[brought * p.query_stride + f] : 0.0f;
      float s[2];
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        const int64_t j = first + n * kWarpSize + lane;
        s[n] = warp < count && j < nk ? p.factors[brought * p.keys + j] : 0.0f;
      }
      // Also the end of what was done with the queries before.
      const bool exponentials =
          __syncthreads_or(kKind == PAIR_ADDITIVE && (keys_far || is_far(q))) == 0;
      queries[warp * kWarpSize + lane] =
          kKind == PAIR_ADDITIVE && exponentials ? exponential(q) : q;
      factors[warp * kKeys + lane] = s[0];
      factors[warp * kKeys + kWarpSize + lane] = s[1];
      __syncthreads();
      for (int i = 0; i < count; ++i) {
        const float* own_factors = factors + i * kKeys + warp * kOwnKeys;
        const float query = queries[i * kWarpSize + lane];
        float dq = 0;
        if (mine < nk)
          dq = kKind == PAIR_ADDITIVE && exponentials
                   ? pair_sums<kKind, true>(query, near, own_factors, dk, dv)
                   : pair_sums<kKind, false>(query, k, own_factors, dk, dv);
        if (kKind != PAIR_SUM) parts[(warp * kQueries + i) * kWarpSize + lane] = dq;
      }
      if (kKind == PAIR_SUM || p.dq.mode == RN_GRAD_SKIP) continue;
      __syncthreads();
      if (warp >= count || !own) continue;
      float sum = 0;
#pragma unroll
      for (int w = 0; w < kWarps; ++w) sum += parts[(w * kQueries + warp) * kWarpSize + lane];
      auto* const to = static_cast<float*>(p.dq.data) + brought * p.features + f;
      *to = first == 0 && p.dq.mode == RN_GRAD_WRITE ? sum * slope : fmaf(sum, slope, *to);
    }
#pragma unroll
    for (int j = 0; j < kOwnKeys; ++j)
      if (own && mine + j < nk)
        put(p.dk, ((mine + j) * p.batch + b) * p.features + f, dk[j] * slope);
  }

  // Zeros where nothing was summed.
  if (own && p.dq.mode == RN_GRAD_WRITE)
    for (int64_t i = nq + warp; i < p.queries; i += kWarps)
      static_cast<float*>(p.dq.data)[(i * p.batch + b) * p.features + f] = 0;
  if (own && p.dk.mode == RN_GRAD_WRITE)
    for (int64_t j = nk + warp; j < p.keys; j += kWarps)
      static_cast<float*>(p.dk.data)[(j * p.batch + b) * p.features + f] = 0;

  if (kKind != PAIR_ADDITIVE || !dv_rows) return;
  __syncthreads();
  parts[warp * kWarpSize + lane] = dv;
  __syncthreads();
  if (warp != 0 || !own) return;
  for (int w = 1; w < kWarps; ++w) dv += parts[w * kWarpSize + lane];
  dv_rows[b * p.features + f] = dv;
}

}  // namespace

int32_t pair_gradients(RnContext* ctx, const PairGradients& p) {
  const bool of_v = p.kind == PAIR_ADDITIVE && p.dv.mode != RN_GRAD_SKIP;
  if (p.dq.mode == RN_GRAD_SKIP && p.dk.mode == RN_GRAD_SKIP && !of_v) return RN_OK;
  float* dv_rows = nullptr;
  if (of_v) {
    dv_rows = scratch_of<float>(ctx, p.batch * p.features);
    if (!dv_rows) return RN_ERR_OUT_OF_MEMORY;
  }
  Launch how;
  how.grid = dim3(static_cast<unsigned>(ceil_div(p.features, kWarpSize) * p.batch));
  how.block = dim3(kThreads);
  how.shared = kShared;
  const int32_t status = launch(ctx, how,
                                p.kind == PAIR_ADDITIVE ? pair_kernel<PAIR_ADDITIVE>
                                : p.kind == PAIR_DOT    ? pair_kernel<PAIR_DOT>
                                                        : pair_kernel<PAIR_SUM>,
                                p, dv_rows);
  if (status != RN_OK || !of_v) return status;
  // The factors of each query sum to zero, so that of tanh = 1 - 2 / d only the latter counts.
  return sum_columns(ctx, dv_rows, p.batch, p.features, p.features, p.dv, -2);
}

int32_t attention_backward(RnContext* ctx, const RnAttentionBackward* args) {
  const RnAttention& forward = args->forward;
  const RnAttentionDesc& d = forward.desc;
  int32_t status = check_attention_lengths(ctx, forward);
  if (status != RN_OK) return status;
  PairGradients pairs = {};
  pairs.queries = d.queries;
  pairs.keys = d.keys;
  pairs.batch = d.batch;
  pairs.query_lengths = forward.query_lengths;
  pairs.key_lengths = forward.memory_lengths;

  const bool of_scores = args->dqueries.mode != RN_GRAD_SKIP || args->dkeys.mode != RN_GRAD_SKIP ||
                         args->dv.mode != RN_GRAD_SKIP;
  if (of_scores) {
    float* dscores = scratch_of<float>(ctx, d.queries * d.batch * d.keys);
    if (!dscores) return RN_ERR_OUT_OF_MEMORY;
    const ScoreGradients call = {
        *args, gradient_scale(d.score, d.features),
        is_wide(args->dcontext, d.width) && is_wide(forward.values, d.width), dscores};
    Launch how;
    how.grid = dim3(static_cast<unsigned>(ceil_div(d.queries, kTileQueries) * d.batch));
    how.block = dim3(kTileThreads);
    how.shared = kTileShared;
    status = launch(ctx, how, score_gradients_kernel, call);
    if (status != RN_OK) return status;
    pairs.kind = d.score == RN_SCORE_ADDITIVE ? PAIR_ADDITIVE : PAIR_DOT;
    pairs.features = pairs.query_stride = d.features;
    pairs.factors = dscores;
    pairs.q = static_cast<const float*>(forward.queries);
    pairs.k = static_cast<const float*>(forward.keys);
    pairs.v = static_cast<const float*>(forward.v);
    pairs.dq = args->dqueries;
    pairs.dk = args->dkeys;
    pairs.dv = args->dv;
    status = pair_gradients(ctx, pairs);
    if (status != RN_OK) return status;
  }

  if (!args->dcontext) {
    if (args->dvalues.mode != RN_GRAD_WRITE) return RN_OK;
    return copy_or_zero(ctx, args->dvalues.data, nullptr, d.keys * d.batch * d.width);
  }
  pairs.kind = PAIR_SUM;
  pairs.features = pairs.query_stride = d.width;
  pairs.factors = static_cast<const float*>(forward.weights);
  pairs.q = static_cast<const float*>(args->dcontext);
  pairs.dq = pairs.dv = {};
  pairs.dk = args->dvalues;
  return pair_gradients(ctx, pairs);
}

}  // namespace rnnative::cuda

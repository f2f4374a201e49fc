// Sum, mean and maximum over the middle axis of [outer, n, inner]. Sums are reduction.cuh's. The
// maximum carries its place along: of (value, place) pairs the better is chosen by a total order
// (NaN first, then the greater value, then the earlier place), so any order of combining gives the
// first maximum.
#include <cmath>

#include "cuda/core/reduction.cuh"
#include "cuda/core/walk.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct MiddleSum {
  static constexpr int kOutputs = 1;
  const float* x;  // [outer, n, inner]
  int64_t n, inner;

  // k = o * inner + i
  __device__ const float* place(int64_t k) const {
    return inner == 1 ? x + k * n : x + k / inner * n * inner + k % inner;
  }
  __device__ void add(const float* place, int64_t r, float (&sums)[1]) const {
    sums[0] += place[r * inner];
  }
};

struct Leader {
  float value;
  int32_t place;
};
constexpr Leader kNobody = {-INFINITY, INT32_MAX};

struct Better {
  __device__ __forceinline__ Leader operator()(Leader a, Leader b) const {
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    if (a_nan != b_nan) return a_nan ? a : b;
    if (a_nan || a.value == b.value) return a.place < b.place ? a : b;
    return a.value > b.value ? a : b;
  }
};

struct MaxArgs {
  int64_t kept, n, inner;
  const float* x;   // [outer, n, inner]
  float* y;         // [outer, inner]
  int32_t* argmax;  // [outer, inner] or null
};

__device__ __forceinline__ Leader lead(const MaxArgs& args, int64_t k, int64_t first,
                                       int64_t stride) {
  Leader best = kNobody;
  if (k >= args.kept) return best;
  const float* x = MiddleSum{args.x, args.n, args.inner}.place(k);
#pragma unroll 4
  for (int64_t r = first; r < args.n; r += stride)
    best = Better{}(best, Leader{x[r * args.inner], static_cast<int32_t>(r)});
  return best;
}

__device__ __forceinline__ void finish(const MaxArgs& args, int64_t k, Leader best) {
  args.y[k] = best.value;
  if (args.argmax != nullptr) args.argmax[k] = best.place;
}

// Block (32, kSumWarps): a lane to each k. Shared: [kSumWarps, 32].
__global__ void max_down_kernel(MaxArgs args) {
  auto* shared = reinterpret_cast<Leader*>(shared_memory());
  const int64_t k = static_cast<int64_t>(blockIdx.x) * kWarpSize + threadIdx.x;
  Leader best = lead(args, k, threadIdx.y, kSumWarps);
  shared[threadIdx.y * kWarpSize + threadIdx.x] = best;
  __syncthreads();
  if (threadIdx.y != 0 || k >= args.kept) return;
  for (int w = 1; w < kSumWarps; ++w) best = Better{}(best, shared[w * kWarpSize + threadIdx.x]);
  finish(args, k, best);
}

// A warp, or the block, to each k.
template <int kThreads>
__global__ void max_across_kernel(MaxArgs args) {
  const int64_t k = (static_cast<int64_t>(blockIdx.x) * kSumThreads + threadIdx.x) / kThreads;
  const int lane = static_cast<int>(threadIdx.x) % kThreads;
  const Leader best =
      team_reduce<kThreads>(lead(args, k, lane, kThreads), Better{}, shared_memory());
  if (lane == 0 && k < args.kept) finish(args, k, best);
}

int32_t reduce_max(RnContext* ctx, const RnReduceArgs* args) {
  const MaxArgs max = {
      args->outer * args->inner,    args->n,     args->inner, static_cast<const float*>(args->x),
      static_cast<float*>(args->y), args->argmax};
  if (max.kept == 0) return RN_OK;
  const bool down = args->inner > 1, longer = args->n > kShortSum;
  const int64_t per_block = down ? kWarpSize : longer ? 1 : kSumWarps;
  Launch how;
  how.grid = dim3(static_cast<unsigned>(ceil_div(max.kept, per_block)));
  how.block = down ? dim3(kWarpSize, kSumWarps) : dim3(kSumThreads);
  how.shared = down ? kSumThreads * sizeof(Leader) : kReduceBytes;
  return launch(ctx, how,
                down     ? max_down_kernel
                : longer ? max_across_kernel<kSumThreads>
                         : max_across_kernel<kWarpSize>,
                max);
}

// Operands: dy (or argmax) broadcast over n, the place on that axis, dx.
struct Spread {
  const float* dy;        // [outer, inner]
  const int32_t* argmax;  // [outer, inner] or null: to all
  float factor;
  RnGrad dx;  // [outer, n, inner]

  template <int kWidth>
  __device__ __forceinline__ void run(const int64_t (&at)[3], const int64_t (&strides)[3],
                                      int64_t count) const {
    Floats<kWidth> v = load_strided<kWidth>(dy + at[0], strides[0], count);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      v.at[j] *= factor;
      if (argmax != nullptr && j < count &&
          argmax[at[0] + j * strides[0]] != at[1] + j * strides[1])
        v.at[j] = 0;
    }
    put<kWidth>(dx, at[2], v, count);
  }
};

}  // namespace

int32_t reduce(RnContext* ctx, const RnReduceArgs* args) {
  if (args->op == RN_MAX) return reduce_max(ctx, args);
  const MiddleSum sum = {static_cast<const float*>(args->x), args->n, args->inner};
  const RnGrad y[1] = {{args->y, RN_GRAD_WRITE}};
  const float scale =
      args->op == RN_MEAN ? static_cast<float>(1.0 / static_cast<double>(args->n)) : 1;
  const int64_t kept = args->outer * args->inner;
  return args->inner == 1 ? sum_across(ctx, sum, kept, args->n, y, scale)
                          : sum_down(ctx, sum, kept, args->n, y, scale);
}

int32_t reduce_backward(RnContext* ctx, const RnReduceBackward* args) {
  const int64_t n = args->n, inner = args->inner;
  // An argmax that a kernel made is in range; comparing with it could not go astray anyway. So it
  // is not waited for.
  if (args->op == RN_MAX && ctx->host(ctx->runtime, args->argmax) != nullptr) {
    const int32_t status = check_indices(ctx, "argmax", args->argmax, args->outer * inner, n - 1);
    if (status != RN_OK) return status;
  }
  if (args->dx.mode == RN_GRAD_SKIP) return RN_OK;
  Walk<3> walk;
  const auto push = [&walk](int64_t extent, int64_t dy, int64_t place, int64_t dx) {
    const int32_t d = walk.dims++;
    walk.shape[d] = extent;
    walk.strides[0][d] = dy, walk.strides[1][d] = place, walk.strides[2][d] = dx;
  };
  push(args->outer, inner, 0, n * inner);
  push(n, 0, 1, inner);
  if (inner != 1) push(inner, 1, 0, 1);
  const Spread spread = {
      static_cast<const float*>(args->dy), args->op == RN_MAX ? args->argmax : nullptr,
      args->op == RN_MEAN ? static_cast<float>(1.0 / static_cast<double>(n)) : 1, args->dx};
  const bool wide = walk.wide(0, args->dy) && walk.wide(2, args->dx.data);
  return walk_all(ctx, walk, wide, spread);
}

}  // namespace rnnative::cuda

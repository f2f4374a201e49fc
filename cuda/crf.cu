// Conditional random fields: a block to a row, a thread to a tag, all steps in one launch. Sums
// over paths are products with exponentials of the transitions, W[i][j] = exp(A[i][j] - c[j]) with
// c[j] the maximum of column j; where such a sum nearly vanishes, that one is formed from the
// logarithms. Backward carries q(y[t] = j) itself:
//   q(y[t-1] = i, y[t] = j) = a[i] W[i][j] q[j] / s[j],  a = exp(alpha[t-1]),  s = a W
// Its sums over the batch are formed by a number of blocks fixed by the batch, and joined in order.
#include <algorithm>
#include <cmath>

#include "cuda/core/block.cuh"
#include "cuda/core/device.cuh"
#include "cuda/core/program.cuh"
#include "cuda/core/vector.cuh"
#include "intrinsics.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

constexpr float kLeastSum = 1e-28f;   // sums below it are not trusted
constexpr float kVanishing = -87.0f;  // exponents below it count for nothing
constexpr int64_t kMostBlocks = 128;  // that form sums over the batch

struct Field {
  int64_t time, batch, tags;
  const int32_t *lengths, *targets;
  const float *emissions, *A, *start, *end;
  float *weights, *by_target;  // W and its transpose: [tags, tags]
  float* columns;              // c, and their maximum: [tags + 1]
  float* reserve;              // [batch, time, 2, tags]: alpha, its maximum 0, and s; or NULL

  __device__ int64_t length(int64_t row) const { return lengths != nullptr ? lengths[row] : time; }
  __device__ int64_t target(int64_t row, int64_t t) const { return targets[t * batch + row]; }
  __device__ float* alpha(int64_t row, int64_t t) const {
    return reserve + (row * time + t) * 2 * tags;
  }
};

__device__ __forceinline__ float exp_or_zero(float x) {
  return x < kVanishing ? 0.0f : expf(x);
}

// By one block.
__global__ void weigh_kernel(Field f) {
  const int64_t j = threadIdx.x;
  float most = -INFINITY;
  for (int64_t i = 0; i < f.tags && j < f.tags; ++i) most = fmaxf(most, f.A[i * f.tags + j]);
  if (j < f.tags && most == -INFINITY) most = 0;
  const float highest = block_reduce(most, Maximum{}, shared_memory());
  if (j == 0) f.columns[f.tags] = highest;
  if (j >= f.tags) return;
  f.columns[j] = most;
  for (int64_t i = 0; i < f.tags; ++i) {
    const float w = exp_or_zero(f.A[i * f.tags + j] - most);
    f.weights[i * f.tags + j] = w;
    f.by_target[j * f.tags + i] = w;
  }
}

// log sum_i exp(alpha[i] + A[i][j]).
__device__ float log_sum(const Field& f, const float* alpha, int64_t j) {
  float most = -INFINITY, sum = 0;
  for (int64_t i = 0; i < f.tags; ++i) most = fmaxf(most, alpha[i] + f.A[i * f.tags + j]);
  if (most == -INFINITY) return most;
  for (int64_t i = 0; i < f.tags; ++i) sum += expf(alpha[i] + f.A[i * f.tags + j] - most);
  return most + logf(sum);
}

// The maximum over a block; NaN where there is no other.
__device__ __forceinline__ float greatest(float x, char* shared) {
  const float most = block_reduce(x, Maximum{}, shared);
  if (most > -INFINITY) return most;
  return block_reduce(x != x ? 1.0f : 0.0f, Maximum{}, shared) > 0 ? NAN : most;
}

__device__ double score(const Field& f, int64_t row, int64_t length, char* shared) {
  double sum = 0;
  for (int64_t t = threadIdx.x; t < length; t += blockDim.x) {
    const int64_t tag = f.target(row, t);
    sum += f.emissions[(t * f.batch + row) * f.tags + tag];
    sum += t > 0 ? f.A[f.target(row, t - 1) * f.tags + tag] : f.start[tag];
    if (t == length - 1) sum += f.end[tag];
  }
  return block_reduce(sum, Add{}, shared);
}

// log Z; every thread gets it. a, alpha: [tags], shared.
__device__ double log_total(const Field& f, int64_t row, int64_t length, char* shared, float* a,
                            float* alpha) {
  const int64_t j = threadIdx.x;
  const bool mine = j < f.tags;
  double total = 0;
  float y = 0;
  for (int64_t t = 0; t < length; ++t) {
    const float e = mine ? f.emissions[(t * f.batch + row) * f.tags + j] : -INFINITY;
    const float highest = greatest(e, shared);
    float x = -INFINITY, sum = 0;
    if (mine && t == 0) x = e - highest + f.start[j];
    if (mine && t > 0) {
      for (int64_t i = 0; i < f.tags; ++i) sum += a[i] * f.weights[i * f.tags + j];
      float before = logf(sum);
      if (sum < kLeastSum) {
        sum = 0;
        before = log_sum(f, alpha, j) - f.columns[j];
      }
      x = e - highest + (f.columns[j] - f.columns[f.tags] + before);
    }
    const float most = greatest(x, shared);
    if (highest == -INFINITY || most == -INFINITY) {
      // Nothing is allowed, and backward sees it at the last step.
      if (mine && f.reserve != nullptr) f.alpha(row, length - 1)[j] = -INFINITY;
      return -INFINITY;
    }
    total += static_cast<double>(highest) + static_cast<double>(most);
    if (t > 0) total += static_cast<double>(f.columns[f.tags]);
    y = x - most;
    if (!mine) continue;
    a[j] = exp_or_zero(y);
    alpha[j] = y;
    if (f.reserve == nullptr) continue;
    f.alpha(row, t)[j] = y;
    f.alpha(row, t)[f.tags + j] = sum;
  }
  const float x = mine ? y + f.end[j] : -INFINITY;
  const float most = greatest(x, shared);
  if (most == -INFINITY) return -INFINITY;
  const double sum = block_reduce(mine ? static_cast<double>(expf(x - most)) : 0.0, Add{}, shared);
  return total + static_cast<double>(most) + log(sum);
}

__global__ void crf_kernel(Field f, float* likelihoods) {
  char* const shared = shared_memory();
  auto* const a = reinterpret_cast<float*>(shared + kReduceBytes);
  for (int64_t row = blockIdx.x; row < f.batch; row += gridDim.x) {
    const int64_t length = f.length(row);
    double y = 0;
    if (length > 0) {
      const double total = log_total(f, row, length, shared, a, a + f.tags);
      const double own = score(f, row, length, shared);
      y = total == -INFINITY ? total : own - total;
    }
    if (threadIdx.x == 0) likelihoods[row] = static_cast<float>(y);
  }
}

struct Gradients {
  const float* dlikelihoods;
  RnGrad demissions;
  float* pairs;  // [blocks, tags, tags] by target, then by source; less those of the targets
  float* ends;   // [blocks, 2, tags] first and last
};

// One row, by the block whose sums `pairs` are. ratio, alpha, totals: [tags], shared.
__device__ void row_backward(const Field& f, const Gradients& g, int64_t row, char* shared,
                             float* ratio, float* alpha, float* totals, float* pairs, float* first,
                             float* last) {
  const int64_t i = threadIdx.x, length = f.length(row);
  const bool mine = i < f.tags, add = g.demissions.mode == RN_GRAD_ADD;
  const auto at = [&](int64_t t) { return (t * f.batch + row) * f.tags + i; };
  for (int64_t t = length; t < f.time && mine && !add; ++t) put(g.demissions, at(t), 0.0f);
  if (length == 0) return;
  const float x = mine ? f.alpha(row, length - 1)[i] + f.end[i] : -INFINITY;
  const float most = greatest(x, shared);
  if (most == -INFINITY) {
    for (int64_t t = 0; t < length && mine && !add; ++t) put(g.demissions, at(t), 0.0f);
    return;
  }
  float q = mine ? expf(x - most) : 0.0f;
  q /= block_reduce(q, Add{}, shared);
  const float dy = g.dlikelihoods[row];
  for (int64_t t = length - 1; t >= 0; --t) {
    const int64_t target = f.target(row, t);
    const float slope = dy * ((i == target ? 1.0f : 0.0f) - q);
    if (mine) put(g.demissions, at(t), slope);
    if (t == length - 1) *last += slope;
    if (t == 0) {
      *first += slope;
      break;
    }
    if (mine) alpha[i] = f.alpha(row, t - 1)[i];
    __syncthreads();
    if (mine) {
      const float sum = f.alpha(row, t)[f.tags + i];
      const bool vanished = sum < kLeastSum;
      ratio[i] = vanished ? -q : q / sum;  // negative: from the logarithms
      totals[i] = vanished && q > 0 ? log_sum(f, alpha, i) : 0.0f;
    }
    __syncthreads();
    if (mine) {
      const float a = exp_or_zero(alpha[i]);
      q = 0;
      for (int64_t j = 0; j < f.tags; ++j) {
        const float r = ratio[j];
        const float part = r < 0 ? -r * expf(alpha[i] + f.A[i * f.tags + j] - totals[j])
                                 : a * (r * f.by_target[j * f.tags + i]);
        q += part;
        pairs[j * f.tags + i] += part * dy;
      }
      if (i == f.target(row, t - 1)) pairs[target * f.tags + i] -= dy;
    }
    __syncthreads();
  }
}

__global__ void crf_backward_kernel(Field f, Gradients g) {
  char* const shared = shared_memory();
  auto* const floats = reinterpret_cast<float*>(shared + kReduceBytes);
  const int64_t i = threadIdx.x;
  float* const pairs = g.pairs + blockIdx.x * f.tags * f.tags;
  for (int64_t j = 0; j < f.tags && i < f.tags; ++j) pairs[j * f.tags + i] = 0;
  float first = 0, last = 0;
  for (int64_t row = blockIdx.x; row < f.batch; row += gridDim.x)
    row_backward(f, g, row, shared, floats, floats + f.tags, floats + 2 * f.tags, pairs, &first,
                 &last);
  if (i >= f.tags) return;
  g.ends[blockIdx.x * 2 * f.tags + i] = first;
  g.ends[(blockIdx.x * 2 + 1) * f.tags + i] = last;
}

__global__ void join_kernel(Field f, Gradients g, int64_t blocks, RnGrad dtransitions,
                            RnGrad dstart, RnGrad dend) {
  const int64_t pairs = f.tags * f.tags;
  for (int64_t n = first_index(); n < pairs + 2 * f.tags; n += index_stride()) {
    double sum = 0;
    if (n < pairs) {
      const int64_t i = n / f.tags, j = n - i * f.tags;
      for (int64_t block = 0; block < blocks; ++block)
        sum += g.pairs[block * pairs + j * f.tags + i];
      put(dtransitions, n, static_cast<float>(-sum));
    } else {
      const int64_t i = n - pairs;
      for (int64_t block = 0; block < blocks; ++block) sum += g.ends[block * 2 * f.tags + i];
      put(i < f.tags ? dstart : dend, i < f.tags ? i : i - f.tags, static_cast<float>(sum));
    }
  }
}

int32_t check_now(RnContext* ctx, const RnCrf& args) {
  HostIntegers lengths, targets;
  if (args.lengths != nullptr) {
    const int32_t status = lengths.read(ctx, args.lengths, args.batch);
    if (status != RN_OK) return status;
  }
  const int32_t status = targets.read(ctx, args.targets, args.time * args.batch);
  if (status != RN_OK) return status;
  for (int64_t t = 0; t < args.time; ++t)
    for (int64_t row = 0; row < args.batch; ++row) {
      const int64_t at = t * args.batch + row;
      const int32_t tag = targets[at];
      if ((tag >= 0 && tag < args.tags) || (args.lengths != nullptr && t >= lengths[row])) continue;
      return fail(ctx, RN_ERR_INDEX, "tag %d at position %lld: expected 0..%lld", tag,
                  static_cast<long long>(at), static_cast<long long>(args.tags - 1));
    }
  return RN_OK;
}

int32_t check_rows(RnContext* ctx, const RnCrf& args) {
  int32_t status = check_lengths(ctx, args.lengths, args.batch, args.time);
  if (status == RN_OK) status = check_now(ctx, args);
  if (status != RN_OK || !recording()) return status;
  return before_launch(
      ctx, [=](RnContext* later, const RnProgramRun&) { return check_now(later, args); });
}

// Null weights after telling why.
Field field_of(RnContext* ctx, const RnCrf& args) {
  Field f = {args.time,
             args.batch,
             args.tags,
             args.lengths,
             args.targets,
             static_cast<const float*>(args.emissions),
             static_cast<const float*>(args.transitions),
             static_cast<const float*>(args.start),
             static_cast<const float*>(args.end),
             nullptr,
             nullptr,
             nullptr,
             static_cast<float*>(args.reserve)};
  const int64_t pairs = f.tags * f.tags;
  f.weights = scratch_of<float>(ctx, 2 * pairs + f.tags + 1);
  f.by_target = f.weights + pairs;
  f.columns = f.weights + 2 * pairs;
  return f;
}

// A thread to a tag.
Launch by_tag(int64_t tags, int64_t blocks, int arrays) {
  Launch how;
  how.grid = dim3(static_cast<unsigned>(blocks));
  how.block = dim3(static_cast<unsigned>(ceil_div(tags, kWarpSize) * kWarpSize));
  how.shared = kReduceBytes + static_cast<size_t>(arrays) * tags * sizeof(float);
  return how;
}

}  // namespace

size_t crf_reserve(int64_t time, int64_t batch, int64_t tags) {
  return static_cast<size_t>(time * batch * 2 * tags) * sizeof(float);
}

int32_t crf(RnContext* ctx, const RnCrf* args) {
  int32_t status = check_rows(ctx, *args);
  if (status != RN_OK) return status;
  const Field f = field_of(ctx, *args);
  if (f.weights == nullptr) return RN_ERR_OUT_OF_MEMORY;
  status = launch(ctx, by_tag(f.tags, 1, 0), weigh_kernel, f);
  if (status != RN_OK) return status;
  return launch(ctx, by_tag(f.tags, std::min<int64_t>(f.batch, INT32_MAX), 2), crf_kernel, f,
                static_cast<float*>(args->likelihoods));
}

int32_t crf_backward(RnContext* ctx, const RnCrfBackward* args) {
  int32_t status = check_rows(ctx, args->forward);
  if (status != RN_OK) return status;
  const Field f = field_of(ctx, args->forward);
  if (f.weights == nullptr) return RN_ERR_OUT_OF_MEMORY;
  const int64_t blocks = std::min(f.batch, kMostBlocks);
  Gradients g = {static_cast<const float*>(args->dlikelihoods), args->demissions, nullptr, nullptr};
  g.pairs = scratch_of<float>(ctx, blocks * f.tags * (f.tags + 2));
  if (g.pairs == nullptr) return RN_ERR_OUT_OF_MEMORY;
  g.ends = g.pairs + blocks * f.tags * f.tags;
  status = launch(ctx, by_tag(f.tags, 1, 0), weigh_kernel, f);
  if (status != RN_OK) return status;
  status = launch(ctx, by_tag(f.tags, blocks, 3), crf_backward_kernel, f, g);
  if (status != RN_OK) return status;
  return launch(ctx, over(f.tags * (f.tags + 2)), join_kernel, f, g, blocks, args->dtransitions,
                args->dstart, args->dend);
}

}  // namespace rnnative::cuda

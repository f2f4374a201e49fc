// Cross-entropy fused with the output projection. The logits, the largest tensor of a language
// model, are multiplied a chunk of rows at a time, and each chunk is reduced to losses by a kernel
// that reads it once: running maxima and sums ("online softmax", Milakov and Gimelshein 2018), a
// block to each row. They are kept for backward where they are small enough that writing them costs
// less than multiplying again. Label smoothing reads a row a second time, from L2: summed from the
// maximum down, no term cancels another.
#include "cuda/cross_entropy/cross_entropy.cuh"

#include <algorithm>
#include <intrinsics.cuh>

#include "native/abi/backend.h"

namespace rnnative::cuda {

RN_DECLARE_OPS

namespace {

// Of some logits: the largest, and the sum of exp(logit - maximum).
struct Softmax {
  float maximum, sum;
};
struct Join {
  __device__ __forceinline__ Softmax operator()(const Softmax& a, const Softmax& b) const {
    const float maximum = fmaxf(a.maximum, b.maximum);
    // With nothing but -inf (or NaN) so far there is nothing to shift by.
    const float shift = maximum == -INFINITY ? 0 : maximum;
    return {maximum, a.sum * expf(a.maximum - shift) + b.sum * expf(b.maximum - shift)};
  }
};

struct Losses {
  RnLinearCrossEntropy args;
  const float* logits;    // [rows of the grid, classes]
  const int32_t* row_of;  // null: row `first` + block
  int64_t first;
  float* stats;  // [real rows, 2] or null
  bool wide;     // logits and class weights are read 16 bytes at a time
};

__device__ Softmax softmax_of_row(const float* row, int64_t classes, bool wide) {
  Softmax softmax = {-INFINITY, 0};
  for (int64_t c = kWide * threadIdx.x; c < classes; c += kWide * blockDim.x) {
    const Floats<kWide> x = load_either(row + c, classes - c, wide, -INFINITY);
    const float most = fmaxf(fmaxf(x.at[0], x.at[1]), fmaxf(x.at[2], x.at[3]));
    const float shift = most == -INFINITY ? 0 : most;
    Softmax four = {most, 0};
#pragma unroll
    for (int j = 0; j < kWide; ++j) four.sum += expf(x.at[j] - shift);
    softmax = Join{}(softmax, four);
  }
  return block_reduce(softmax, Join{}, shared_memory());
}

// Sums over the classes of w and of w (maximum - logit).
struct Smoothing {
  float weights, distances;
};
struct JoinSmoothing {
  __device__ __forceinline__ Smoothing operator()(const Smoothing& a, const Smoothing& b) const {
    return {a.weights + b.weights, a.distances + b.distances};
  }
};

__device__ Smoothing smoothing_of_row(const float* row, const float* class_weights, float maximum,
                                      int64_t classes, bool wide) {
  Smoothing sums = {0, 0};
  for (int64_t c = kWide * threadIdx.x; c < classes; c += kWide * blockDim.x) {
    const Floats<kWide> x = load_either(row + c, classes - c, wide, maximum);
    Floats<kWide> w = {{1, 1, 1, 1}};
    if (class_weights != nullptr) w = load_either(class_weights + c, classes - c, wide, 0);
#pragma unroll
    for (int j = 0; j < kWide; ++j) {
      if (c + j < classes) sums.weights += w.at[j];
      sums.distances += w.at[j] * (maximum - x.at[j]);
    }
  }
  return block_reduce(sums, JoinSmoothing{}, shared_memory());
}

__global__ void losses_kernel(Losses task) {
  const RnLinearCrossEntropy& args = task.args;
  const int64_t real = task.first + blockIdx.x;
  const int64_t at = task.row_of != nullptr ? task.row_of[real] : real;
  if (at < 0) return;
  const int32_t target = args.targets[at];
  float* loss = static_cast<float*>(args.losses) + at;
  float* weight = static_cast<float*>(args.weights) + at;
  if (target == args.ignore_index) {
    if (threadIdx.x == 0) *loss = *weight = 0;
    return;
  }
  const float* row = task.logits + blockIdx.x * args.classes;
  const auto* class_weights = static_cast<const float*>(args.class_weights);
  const Softmax softmax = softmax_of_row(row, args.classes, task.wide);
  const float log_sum = logf(softmax.sum), s = static_cast<float>(args.label_smoothing);
  Smoothing smoothing = {0, 0};
  if (s != 0)
    smoothing = smoothing_of_row(row, class_weights, softmax.maximum, args.classes, task.wide);
  if (threadIdx.x != 0) return;
  const float w = class_weights != nullptr ? class_weights[target] : 1;
  // In this order, since a large maximum would swallow the rest.
  const float share = s / static_cast<float>(args.classes);
  *loss = (1 - s) * w * (softmax.maximum - row[target] + log_sum);
  if (s != 0) *loss += share * (smoothing.distances + smoothing.weights * log_sum);
  *weight = w;
  if (task.stats == nullptr) return;
  task.stats[2 * real] = softmax.maximum;
  task.stats[2 * real + 1] = log_sum;
}

int32_t losses_of(RnContext* ctx, const Losses& task, int64_t rows) {
  Losses wide = task;
  wide.wide = task.args.classes % kWide == 0 &&
              aligned(task.logits, static_cast<const float*>(task.args.class_weights));
  Launch how;
  how.grid = dim3(static_cast<unsigned>(rows));
  how.block = dim3(static_cast<unsigned>(threads_of_row(task.args.classes)));
  how.shared = kReduceBytes;
  return launch(ctx, how, losses_kernel, wide);
}

}  // namespace

size_t cross_entropy_reserve(int64_t rows, int64_t, int64_t classes, int32_t projected) {
  const int64_t logits = projected != 0 && keeps_logits(rows, classes) ? rows * classes : 0;
  return static_cast<size_t>(stats_floats(rows) + logits) * sizeof(float);
}

int32_t cross_entropy(RnContext* ctx, const RnLinearCrossEntropy* args) {
  CrossEntropyRows rows;
  int32_t status = prepare(ctx, *args, &rows);
  if (status != RN_OK || args->rows == 0) return status;
  auto* reserve = static_cast<float*>(args->reserve);
  Losses task = {*args, rows.x, rows.row_of, 0, reserve, false};
  if (args->weight.data == nullptr) return losses_of(ctx, task, args->rows);

  if (rows.row_of != nullptr) {
    for (void* zeros : {args->losses, args->weights}) {
      const RnFill cleared = {zeros, args->rows, 0};
      if ((status = fill(ctx, &cleared)) != RN_OK) return status;
    }
  }
  const bool kept = reserve != nullptr && keeps_logits(args->rows, args->classes);
  float* scratch = nullptr;
  if (!kept && rows.real > 0) {
    scratch = scratch_of<float>(ctx, rows.chunk * args->classes);
    if (scratch == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  for (; task.first < rows.real; task.first += rows.chunk) {
    const int64_t count = std::min(rows.chunk, rows.real - task.first);
    float* logits =
        kept ? reserve + stats_floats(args->rows) + task.first * args->classes : scratch;
    task.logits = logits;
    status = project(ctx, *args, rows, task.first, count, logits);
    if (status == RN_OK) status = losses_of(ctx, task, count);
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

}  // namespace rnnative::cuda

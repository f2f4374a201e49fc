// Gradients of the fused cross-entropy, a chunk of rows at a time: the chunk's dlogits are formed
// from the kept logits, or from logits multiplied again in the same place, and multiplied into dx
// and dW. For products in bf16 they are rounded as they are formed: then both products read half
// the bytes, and f32 dlogits are written for the bias's gradient only.
#include <algorithm>
#include <intrinsics.cuh>

#include "cuda/core/elements.cuh"
#include "cuda/cross_entropy/cross_entropy.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {

RN_DECLARE_OPS

namespace {

// The gradients of a chunk's logits.
struct Slopes {
  RnLinearCrossEntropy args;
  const float* dlosses;     // [rows]
  const float* weight_sum;  // of all class weights; null: they are 1
  const float* logits;      // [rows of the grid, classes]
  const int32_t* row_of;    // null: row `first` + block
  int64_t first;
  RnGrad out;         // [rows of the grid, classes]; may be the logits
  uint16_t* rounded;  // [rows of the grid, bf16_ld(classes)] or null
  bool wide;
};

__global__ void weight_sum_kernel(const float* class_weights, int64_t classes, float* total) {
  float sum = 0;
  for (int64_t c = threadIdx.x; c < classes; c += blockDim.x) sum += class_weights[c];
  sum = block_reduce(sum, Add{}, shared_memory());
  if (threadIdx.x == 0) *total = sum;
}

__device__ __forceinline__ void store_rounded(uint16_t* to, const Floats<kWide>& v, int64_t count) {
  const uint32_t low = pack_bf16(v.at[0], v.at[1]), high = pack_bf16(v.at[2], v.at[3]);
  if (count >= kWide) {  // rows of `rounded` begin at multiples of 16 bytes
    *reinterpret_cast<uint2*>(to) = {low, high};
    return;
  }
  const uint32_t pairs[2] = {low, high};
#pragma unroll
  for (int j = 0; j < kWide; ++j)
    if (j < count) to[j] = static_cast<uint16_t>(pairs[j / 2] >> (16 * (j % 2)));
}

// dlogit[c] = spread p[c] - (c = target) hit - smooth class_weight[c].
__global__ void slopes_kernel(Slopes task) {
  const RnLinearCrossEntropy& args = task.args;
  const int64_t classes = args.classes, real = task.first + blockIdx.x;
  const int64_t at = task.row_of != nullptr ? task.row_of[real] : real;
  const bool ignored = at < 0 || args.targets[at] == args.ignore_index;
  const int32_t target = ignored ? 0 : args.targets[at];
  if (ignored && task.out.mode == RN_GRAD_ADD) return;
  const auto* class_weights = static_cast<const float*>(args.class_weights);
  const auto* stats = static_cast<const float*>(args.reserve) + 2 * real;
  float hit = 0, smooth = 0, spread = 0, maximum = 0, log_sum = 0;
  if (!ignored) {
    const float s = static_cast<float>(args.label_smoothing), g = task.dlosses[at];
    const float total = task.weight_sum != nullptr ? *task.weight_sum : static_cast<float>(classes);
    hit = g * (1 - s) * (class_weights != nullptr ? class_weights[target] : 1);
    smooth = g * s / static_cast<float>(classes);
    spread = hit + smooth * total;
    maximum = stats[0];
    log_sum = stats[1];
  }
  const float* row = task.logits + blockIdx.x * classes;
  for (int64_t c = kWide * threadIdx.x; c < classes; c += kWide * blockDim.x) {
    Floats<kWide> d = {{0, 0, 0, 0}};
    if (!ignored) {
      const Floats<kWide> x = load_either(row + c, classes - c, task.wide, 0);
      Floats<kWide> w = {{1, 1, 1, 1}};
      if (class_weights != nullptr && smooth != 0)
        w = load_either(class_weights + c, classes - c, task.wide, 0);
#pragma unroll
      for (int j = 0; j < kWide; ++j) {
        d.at[j] = spread * expf(x.at[j] - maximum - log_sum) - smooth * w.at[j];
        if (c + j == target) d.at[j] -= hit;
      }
    }
    put_either(task.out, blockIdx.x * classes + c, d, classes - c, task.wide);
    if (task.rounded != nullptr)
      store_rounded(task.rounded + blockIdx.x * bf16_ld(classes) + c, d, classes - c);
  }
}

int32_t slopes_of(RnContext* ctx, Slopes task, int64_t rows) {
  const RnLinearCrossEntropy& args = task.args;
  task.wide = args.classes % kWide == 0 &&
              aligned(task.logits, static_cast<const float*>(args.class_weights),
                      static_cast<const float*>(task.out.data));
  Launch how;
  how.grid = dim3(static_cast<unsigned>(rows));
  how.block = dim3(static_cast<unsigned>(threads_of_row(args.classes)));
  return launch(ctx, how, slopes_kernel, task);
}

// y[row_of[i]] (+)= x[i], rows of `features`.
__global__ void scatter_kernel(const float* x, const int32_t* row_of, int64_t rows,
                               int64_t features, RnGrad y) {
  each_element(rows, features, [&](int64_t row, int64_t feature) {
    if (row_of[row] >= 0) put(y, row_of[row] * features + feature, x[row * features + feature]);
  });
}

// Scratch of the projected backward pass.
struct Workspace {
  float* logits;      // [chunk, classes], or null: nothing is written in f32
  uint16_t* rounded;  // [chunk, bf16_ld(classes)], with RN_PRECISION_BF16
  RnGrad dx;          // [real, features]: the output itself, unless rows are left out
};

int32_t allocate(RnContext* ctx, const RnLinearCrossEntropyBackward& args,
                 const CrossEntropyRows& rows, Workspace* w) {
  const RnLinearCrossEntropy& f = args.forward;
  *w = {nullptr, nullptr, args.dx};
  const bool bf16 = f.precision == RN_PRECISION_BF16;
  const bool plain = !bf16 || args.dbias.mode != RN_GRAD_SKIP || !keeps_logits(f.rows, f.classes);
  if (plain && (w->logits = scratch_of<float>(ctx, rows.chunk * f.classes)) == nullptr)
    return RN_ERR_OUT_OF_MEMORY;
  if (bf16 && (w->rounded = scratch_of<uint16_t>(ctx, rows.chunk * bf16_ld(f.classes))) == nullptr)
    return RN_ERR_OUT_OF_MEMORY;
  if (rows.row_of == nullptr || args.dx.mode == RN_GRAD_SKIP) return RN_OK;
  w->dx = {scratch_of<float>(ctx, rows.real * f.features), RN_GRAD_WRITE};
  return w->dx.data != nullptr ? RN_OK : RN_ERR_OUT_OF_MEMORY;
}

// dx (+)= dlogits W, dW (+)= dlogits^T x, db (+)= column sums of dlogits, for one chunk.
int32_t multiply_chunk(RnContext* ctx, const RnLinearCrossEntropyBackward& args,
                       const CrossEntropyRows& rows, int64_t first, int64_t count,
                       const Workspace& w) {
  const RnLinearCrossEntropy& f = args.forward;
  Gemm product;
  product.precision = f.precision;
  product.n = product.ldc = f.features;
  product.a = w.rounded != nullptr ? static_cast<const void*>(w.rounded) : w.logits;
  product.a_bf16 = w.rounded != nullptr;
  product.lda = product.a_bf16 ? bf16_ld(f.classes) : f.classes;
  int32_t status = RN_OK;
  if (w.dx.mode != RN_GRAD_SKIP) {
    Gemm to_x = product;
    to_x.m = count;
    to_x.k = f.classes;
    set_weight(&to_x, f, rows);
    to_x.c = static_cast<float*>(w.dx.data) + first * f.features;
    to_x.add = w.dx.mode == RN_GRAD_ADD;
    if ((status = gemm(ctx, to_x)) != RN_OK) return status;
  }
  if (args.dweight.mode != RN_GRAD_SKIP) {
    Gemm to_weight = product;
    to_weight.m = f.classes;
    to_weight.k = count;
    to_weight.trans_a = true;
    to_weight.b = rows.x + first * f.features;
    to_weight.ldb = f.features;
    to_weight.c = static_cast<float*>(args.dweight.data);
    to_weight.add = args.dweight.mode == RN_GRAD_ADD || first > 0;
    if ((status = gemm(ctx, to_weight)) != RN_OK) return status;
  }
  if (args.dbias.mode == RN_GRAD_SKIP) return RN_OK;
  RnColumnSum to_bias = {count, f.classes, w.logits, args.dbias};
  if (first > 0) to_bias.y.mode = RN_GRAD_ADD;
  return column_sum(ctx, &to_bias);
}

int32_t clear(RnContext* ctx, const RnGrad& grad, int64_t n) {
  if (grad.mode != RN_GRAD_WRITE) return RN_OK;
  const RnFill zeros = {grad.data, n, 0};
  return fill(ctx, &zeros);
}

int32_t projected_backward(RnContext* ctx, const RnLinearCrossEntropyBackward& args,
                           const CrossEntropyRows& rows, Slopes slopes) {
  const RnLinearCrossEntropy& f = args.forward;
  Workspace w;
  int32_t status = allocate(ctx, args, rows, &w);
  if (status != RN_OK) return status;
  const bool kept = keeps_logits(f.rows, f.classes);
  slopes.out = {w.logits, w.logits != nullptr ? RN_GRAD_WRITE : RN_GRAD_SKIP};
  slopes.rounded = w.rounded;
  for (; slopes.first < rows.real; slopes.first += rows.chunk) {
    const int64_t first = slopes.first, count = std::min(rows.chunk, rows.real - first);
    slopes.logits = w.logits;
    if (kept)
      slopes.logits =
          static_cast<const float*>(f.reserve) + stats_floats(f.rows) + first * f.classes;
    else
      status = project(ctx, f, rows, first, count, w.logits);
    if (status == RN_OK) status = slopes_of(ctx, slopes, count);
    if (status == RN_OK) status = multiply_chunk(ctx, args, rows, first, count, w);
    if (status != RN_OK) return status;
  }
  if (rows.row_of == nullptr || args.dx.mode == RN_GRAD_SKIP) return RN_OK;
  if ((status = clear(ctx, args.dx, f.rows * f.features)) != RN_OK) return status;
  return launch(ctx, over_elements(rows.real, f.features), scatter_kernel,
                static_cast<const float*>(w.dx.data), rows.row_of, rows.real, f.features, args.dx);
}

}  // namespace

int32_t cross_entropy_backward(RnContext* ctx, const RnLinearCrossEntropyBackward* args) {
  const RnLinearCrossEntropy& f = args->forward;
  CrossEntropyRows rows;
  int32_t status = prepare(ctx, f, &rows);
  if (status != RN_OK) return status;
  if (rows.real == 0) {
    status = clear(ctx, args->dx, f.rows * f.features);
    if (status == RN_OK) status = clear(ctx, args->dweight, f.classes * f.features);
    return status == RN_OK ? clear(ctx, args->dbias, f.classes) : status;
  }
  Slopes slopes = {
      f,    static_cast<const float*>(args->dlosses), nullptr, rows.x, rows.row_of, 0, {}, nullptr,
      false};
  const auto* class_weights = static_cast<const float*>(f.class_weights);
  if (class_weights != nullptr && f.label_smoothing != 0) {
    auto* sum = scratch_of<float>(ctx, 1);
    if (sum == nullptr) return RN_ERR_OUT_OF_MEMORY;
    Launch how;
    how.block = dim3(512);
    how.shared = kReduceBytes;
    status = launch(ctx, how, weight_sum_kernel, class_weights, f.classes, sum);
    if (status != RN_OK) return status;
    slopes.weight_sum = sum;
  }
  if (f.weight.data != nullptr) return projected_backward(ctx, *args, rows, slopes);
  if (args->dx.mode == RN_GRAD_SKIP) return RN_OK;
  slopes.out = args->dx;
  return slopes_of(ctx, slopes, f.rows);
}

}  // namespace rnnative::cuda

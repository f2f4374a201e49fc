// The rows of a cross-entropy that take part, and the logits of some of them.
#include <algorithm>
#include <intrinsics.cuh>

#include "cuda/core/elements.cuh"
#include "cuda/core/program.cuh"
#include "cuda/cross_entropy/cross_entropy.cuh"

namespace rnnative::cuda {
namespace {

constexpr int kListThreads = 1024;

// Positions of the targets other than `ignore_index`, in order. One block: rows are few beside
// their logits.
__global__ void __launch_bounds__(kListThreads)
    list_rows_kernel(const int32_t* targets, int64_t rows, int64_t ignore_index, int32_t* row_of) {
  auto* counts = reinterpret_cast<int32_t*>(shared_memory());  // [warps], of this turn
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const unsigned lane = threadIdx.x % kWarpSize;
  int64_t listed = 0;
  for (int64_t first = 0; first < rows; first += kListThreads) {
    const int64_t row = first + threadIdx.x;
    const bool real = row < rows && targets[row] != ignore_index;
    const unsigned votes = __ballot_sync(kAllLanes, real);
    if (lane == 0) counts[warp] = __popc(votes);
    __syncthreads();
    int64_t place = listed + __popc(votes & ((1u << lane) - 1));
    for (int w = 0; w < kListThreads / kWarpSize; ++w) {
      if (w < warp) place += counts[w];
      listed += counts[w];
    }
    if (real) row_of[place] = static_cast<int32_t>(row);
    __syncthreads();
  }
}

// to[i] = from[row_of[i]], rows of `features`.
__global__ void gather_kernel(const float* from, const int32_t* row_of, int64_t rows,
                              int64_t features, float* to) {
  each_element(rows, features, [&](int64_t row, int64_t feature) {
    const int32_t at = row_of[row];
    to[row * features + feature] = at < 0 ? 0 : from[at * features + feature];
  });
}

int32_t gather(RnContext* ctx, const RnLinearCrossEntropy& args, CrossEntropyRows* rows) {
  auto* row_of = scratch_of<int32_t>(ctx, rows->real);
  auto* x = scratch_of<float>(ctx, rows->real * args.features);
  if (row_of == nullptr || x == nullptr) return RN_ERR_OUT_OF_MEMORY;
  rows->row_of = row_of;
  rows->x = x;
  if (recording()) {
    const int32_t status =
        check(ctx, cudaMemsetAsync(row_of, 0xff, static_cast<size_t>(rows->real) * sizeof *row_of,
                                   device().stream));
    if (status != RN_OK) return status;
  }
  Launch how;
  how.block = dim3(kListThreads);
  how.shared = kListThreads / kWarpSize * sizeof(int32_t);
  const int32_t status =
      launch(ctx, how, list_rows_kernel, args.targets, args.rows, args.ignore_index, row_of);
  if (status != RN_OK || rows->real == 0) return status;
  return launch(ctx, over_elements(rows->real, args.features), gather_kernel,
                static_cast<const float*>(args.x), row_of, rows->real, args.features, x);
}

int32_t count_rows(RnContext* ctx, const RnLinearCrossEntropy& args, int64_t* real) {
  HostIntegers targets;
  const int32_t status = targets.read(ctx, args.targets, args.rows);
  *real = args.rows;
  for (int64_t i = 0; status == RN_OK && i < args.rows; ++i)
    *real -= targets[i] == args.ignore_index;
  return status;
}

// In a program: room for the rows of every run.
int32_t make_room(RnContext* ctx, const RnLinearCrossEntropy& args, int64_t* real) {
  const int64_t room = *real = room_for(*real, args.rows);
  if (!recording()) return RN_OK;
  return before_launch(ctx, [=](RnContext* later, const RnProgramRun&) {
    int64_t now = 0;
    const int32_t status = count_rows(later, args, &now);
    return status == RN_OK ? check_room(later, "targets", now, room) : status;
  });
}

}  // namespace

int32_t prepare(RnContext* ctx, const RnLinearCrossEntropy& args, CrossEntropyRows* rows) {
  rows->real = args.rows;
  rows->x = static_cast<const float*>(args.x);
  int32_t status =
      check_indices(ctx, "target", args.targets, args.rows, args.classes - 1, args.ignore_index);
  if (status != RN_OK || args.weight.data == nullptr) return status;

  status = count_rows(ctx, args, &rows->real);
  if (status == RN_OK) status = make_room(ctx, args, &rows->real);
  if (status == RN_OK && rows->real < args.rows) status = gather(ctx, args, rows);
  if (status != RN_OK || rows->real == 0) return status;

  const int64_t row_bytes = args.classes * static_cast<int64_t>(sizeof(float));
  rows->chunk = std::min(std::max<int64_t>(kChunkBytes / row_bytes / 128 * 128, 128), rows->real);
  if (args.precision != RN_PRECISION_BF16) return RN_OK;
  return bf16_weight(ctx, args.weight, args.classes, args.features, &rows->weight);
}

void set_weight(Gemm* product, const RnLinearCrossEntropy& args, const CrossEntropyRows& rows) {
  product->b = rows.weight.data;
  product->b_bf16 = rows.weight.data != nullptr;
  product->ldb = rows.weight.ld;
  if (product->b_bf16) return;
  product->b = args.weight.data;
  product->ldb = args.features;
}

int32_t project(RnContext* ctx, const RnLinearCrossEntropy& args, const CrossEntropyRows& rows,
                int64_t first, int64_t count, float* logits) {
  Gemm product;
  product.precision = args.precision;
  product.m = count;
  product.n = product.ldc = args.classes;
  product.k = product.lda = args.features;
  product.a = rows.x + first * args.features;
  product.trans_b = true;
  set_weight(&product, args, rows);
  product.bias = static_cast<const float*>(args.bias);
  product.c = logits;
  return gemm(ctx, product);
}

}  // namespace rnnative::cuda

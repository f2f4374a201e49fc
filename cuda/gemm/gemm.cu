// Which kernel multiplies what, into how many tiles and parts.
//
// Tiles are as large as still leaves about one for each multiprocessor of a large device: large
// tiles read operands less often. Weight gradients have small results and sums over all rows of a
// batch, so those sums are cut into parts, which other blocks compute, and the parts are added in
// order. All of this follows from the shape alone, so that results are the same on every device;
// and where a is not transposed from k and n alone, in effect: tiles do not change a sum, and only
// a k beyond 2^30 cuts one.
#include "cuda/gemm/gemm.cuh"

#include <algorithm>

#include "cuda/core/device.cuh"
#include "cuda/core/elements.cuh"
#include "cuda/gemm/cublas.cuh"
#include "cuda/gemm/tile.cuh"

namespace rnnative::cuda {
namespace {

constexpr int64_t kBlocks = 132;     // wanted at once
constexpr int64_t kLeastPart = 256;  // summands that are worth a block
constexpr int64_t kSlice = 64;       // parts begin at multiples of it, aligned for every kernel
constexpr int64_t kMostGroups = 65535;
constexpr int64_t kRoundFrom = 1024;  // columns of b that make rounding a beforehand worth it
// cuBLAS from this many multiply-adds on: below, our own kernels' tiles fit better.
constexpr int64_t kCublasFrom = int64_t{1} << 27;

bool is_bf16(const Gemm& p) {
  return p.precision == RN_PRECISION_BF16 || p.a_bf16 || p.b_bf16;
}

int64_t tiles(const Gemm& p, int64_t size) {
  return ceil_div(p.m, size) * ceil_div(p.n, size) * p.groups;
}

int64_t most_parts(const Gemm& p) {
  return p.trans_a ? std::max<int64_t>(p.k / kLeastPart, 1) : 1;
}

int choose_tile(const Gemm& p) {
  for (const int size : {128, 64}) {
    // A tile much wider than the matrix would multiply zeros.
    if (std::min(p.m, p.n) * 2 <= size) continue;
    if (tiles(p, size) * most_parts(p) >= kBlocks) return size;
  }
  return 32;
}

bool aligned(const void* data, int64_t ld, int64_t stride, int64_t size) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0 && ld * size % 16 == 0 &&
         stride * size % 16 == 0;
}

// c (+)= the sum of its parts (+ bias). parts: [count, groups, m, n]
__global__ void add_parts_kernel(Gemm p, const float* parts, int32_t count) {
  const int64_t rows = p.groups * p.m, size = rows * p.n;
  each_element(rows, p.n, [&](int64_t row, int64_t column) {
    const float* part = parts + row * p.n + column;
    float sum = part[0];
#pragma unroll 4
    for (int32_t i = 1; i < count; ++i) sum += part[i * size];
    if (p.bias != nullptr) sum += p.bias[column];
    const int64_t group = p.groups == 1 ? 0 : row / p.m;
    float* c = p.c + group * p.stride_c + (row - group * p.m) * p.ldc + column;
    *c = p.add ? *c + sum : sum;
  });
}

int32_t run(RnContext* ctx, const GemmTask& task, int tile) {
  const Gemm& p = task.product;
  if (!is_bf16(p)) return gemm_f32(ctx, task, tile);
  if (tile == 128 && p.a_bf16 && p.b_bf16 && task.vector_a && task.vector_b)
    return gemm_bf16_stored(ctx, task);
  return gemm_bf16(ctx, task, tile);
}

// Rounds operands that many tiles would each round again, if both are stored then.
int32_t store_operands(RnContext* ctx, Gemm* p) {
  if (!p->a_bf16 && p->n < kRoundFrom) return RN_OK;
  if (!p->b_bf16 && p->m < kRoundFrom) return RN_OK;
  const int32_t status = round_operand(ctx, p, false);
  return status == RN_OK ? round_operand(ctx, p, true) : status;
}

int32_t multiply(RnContext* ctx, const Gemm& product) {
  Gemm p = product;
  const int tile = choose_tile(p);
  if (tile == 128 && is_bf16(p)) {
    const int32_t status = store_operands(ctx, &p);
    if (status != RN_OK) return status;
  }
  GemmTask task;
  task.product = p;
  task.vector_a = aligned(p.a, p.lda, p.stride_a, p.a_bf16 ? 2 : 4);
  task.vector_b = aligned(p.b, p.ldb, p.stride_b, p.b_bf16 ? 2 : 4);
  const int64_t parts =
      std::max(std::clamp<int64_t>(2 * kBlocks / tiles(p, tile), 1, most_parts(p)),
               ceil_div(p.k, kMostSummands));
  task.k_part = ceil_div(ceil_div(p.k, parts), kSlice) * kSlice;
  task.parts =
      static_cast<int32_t>(std::max<int64_t>(ceil_div(p.k, std::max<int64_t>(task.k_part, 1)), 1));
  if (task.parts == 1) {
    task.vector_c = aligned(p.c, p.ldc, p.stride_c, 4);
    return run(ctx, task, tile);
  }
  Gemm& partial = task.product;
  task.stride_part = p.groups * p.m * p.n;
  partial.c = scratch_of<float>(ctx, task.parts * task.stride_part);
  if (partial.c == nullptr) return RN_ERR_OUT_OF_MEMORY;
  partial.ldc = p.n;
  partial.stride_c = p.m * p.n;
  partial.bias = nullptr;
  partial.add = false;
  task.vector_c = p.n % 4 == 0;
  const int32_t status = run(ctx, task, tile);
  if (status != RN_OK) return status;
  return launch(ctx, over_elements(p.groups * p.m, p.n), add_parts_kernel, p, partial.c,
                task.parts);
}

}  // namespace

int32_t gemm(RnContext* ctx, const Gemm& product) {
  if (product.m == 0 || product.n == 0 || product.groups == 0) return RN_OK;
  const double work = static_cast<double>(product.m) * static_cast<double>(product.n) *
                      static_cast<double>(product.k) * static_cast<double>(product.groups);
  if (work >= static_cast<double>(kCublasFrom)) {
    const Cublas& cublas = start_cublas();
    if (cublas.available) return gemm_cublas(ctx, product, is_bf16(product));
    // Whoever named one would take the speed of our kernels for its own.
    if (cublas.asked_for)
      return fail(ctx, RN_ERR_UNSUPPORTED, "RNNATIVE_CUBLAS_PATH: expected a cuBLAS, got %.180s",
                  cublas.reason);
  }
  // Groups and parts share a dimension of the grid; many groups have one part each.
  const int64_t at_once = kMostGroups / std::max<int64_t>(ceil_div(product.k, kMostSummands), 1);
  Gemm some = product;
  for (int64_t first = 0; first < product.groups; first += at_once) {
    some.groups = std::min(product.groups - first, at_once);
    const int32_t status = multiply(ctx, some);
    if (status != RN_OK) return status;
    some.a = static_cast<const char*>(some.a) + some.groups * some.stride_a * (some.a_bf16 ? 2 : 4);
    some.b = static_cast<const char*>(some.b) + some.groups * some.stride_b * (some.b_bf16 ? 2 : 4);
    some.c += some.groups * some.stride_c;
  }
  return RN_OK;
}

}  // namespace rnnative::cuda

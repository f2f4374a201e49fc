// What the matrix kernels of both precisions share: how a product is cut into tiles, how operands
// are read from global memory, and how results are written.
#ifndef RNNATIVE_CUDA_GEMM_TILE_CUH_
#define RNNATIVE_CUDA_GEMM_TILE_CUH_

#include <type_traits>

#include "cuda/core/device.cuh"
#include "cuda/gemm/gemm.cuh"

namespace rnnative::cuda {

constexpr int64_t kMostSummands = int64_t{1} << 30;

// A product as a kernel gets it. Block (x, 0, z) computes a tile of c of one group from one part of
// the summands; with more than one part, c is scratch of partial sums, [parts, groups, m, n].
struct GemmTask {
  Gemm product;
  int64_t k_part = 0;  // summands of a part
  int32_t parts = 1;
  int64_t stride_part = 0;  // from a part of c to the next
  // 16 bytes at once: pointers and strides are multiples of that.
  bool vector_a = false, vector_b = false, vector_c = false;
};

int32_t gemm_f32(RnContext* ctx, const GemmTask& task, int tile);
int32_t gemm_bf16(RnContext* ctx, const GemmTask& task, int tile);
// Both operands stored as bf16, vector_a and vector_b; tiles of 128.
int32_t gemm_bf16_stored(RnContext* ctx, const GemmTask& task);

// Where a block works. Kept narrow: it outlives the loop over k.
template <int kRows, int kColumns>
struct TilePlace {
  int down, across;  // which tile of c
  int group, part;
  int summands;

  // Tiles go down bands of 8 rows of tiles, so that blocks that run at once share rows of a and
  // columns of b in L2.
  __device__ __forceinline__ explicit TilePlace(const GemmTask& task) {
    constexpr unsigned kBand = 8;
    const auto tiles_down = static_cast<unsigned>(ceil_div(task.product.m, kRows));
    const auto tiles_across = static_cast<unsigned>(ceil_div(task.product.n, kColumns));
    const unsigned band = blockIdx.x / (kBand * tiles_across);
    const unsigned within = blockIdx.x % (kBand * tiles_across);
    const unsigned left = tiles_down - band * kBand, height = left < kBand ? left : kBand;
    down = static_cast<int>(band * kBand + within % height);
    across = static_cast<int>(within / height);
    group = static_cast<int>(blockIdx.z / static_cast<unsigned>(task.parts));
    part = static_cast<int>(blockIdx.z % static_cast<unsigned>(task.parts));
    const int64_t rest = task.product.k - k_begin(task);
    summands = static_cast<int>(rest < task.k_part ? rest : task.k_part);
  }
  // The tile's first element in c.
  __device__ __forceinline__ int64_t row() const { return int64_t{down} * kRows; }
  __device__ __forceinline__ int64_t column() const { return int64_t{across} * kColumns; }
  __device__ __forceinline__ int64_t k_begin(const GemmTask& task) const {
    return part * task.k_part;
  }
  // Row 0 of c.
  __device__ __forceinline__ float* c(const GemmTask& task) const {
    return task.product.c + part * task.stride_part + group * task.product.stride_c;
  }
};

inline Launch tile_launch(const GemmTask& task, int rows, int columns, int threads, size_t shared) {
  const Gemm& p = task.product;
  Launch how;
  how.grid = dim3(static_cast<unsigned>(ceil_div(p.m, rows) * ceil_div(p.n, columns)), 1,
                  static_cast<unsigned>(p.groups * task.parts));
  how.block = dim3(static_cast<unsigned>(threads));
  how.shared = shared;
  return how;
}

// start(trans_a, trans_b) with both as constants.
template <class Start>
int32_t with_layout(const Gemm& p, Start start) {
  const auto with_a = [&](auto trans_a) {
    return p.trans_b ? start(trans_a, std::true_type()) : start(trans_a, std::false_type());
  };
  return p.trans_a ? with_a(std::true_type()) : with_a(std::false_type());
}

// The first `left` of four floats, zeros for the rest.
__device__ __forceinline__ float4 load_four(const float* from, int left, bool vector) {
  if (vector && left >= 4) return *reinterpret_cast<const float4*>(from);
  float4 v = make_float4(0, 0, 0, 0);
  if (left > 0) v.x = from[0];
  if (left > 1) v.y = from[1];
  if (left > 2) v.z = from[2];
  if (left > 3) v.w = from[3];
  return v;
}

// c[row, column ...] (+)= v (+ bias); `row` points to c's row of this group and part.
template <int kCount>
__device__ __forceinline__ void put(const GemmTask& task, float* row, int64_t column,
                                    const float (&v)[kCount]) {
  const Gemm& p = task.product;
  static_assert(kCount == 2 || kCount == 4);
  float sums[kCount];
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    const bool inside = column + i < p.n;
    sums[i] = p.bias != nullptr && inside ? v[i] + p.bias[column + i] : v[i];
    if (p.add && inside) sums[i] += row[column + i];
  }
  if (task.vector_c && column + kCount <= p.n) {
    if constexpr (kCount == 4)
      *reinterpret_cast<float4*>(row + column) = make_float4(sums[0], sums[1], sums[2], sums[3]);
    else
      *reinterpret_cast<float2*>(row + column) = make_float2(sums[0], sums[1]);
    return;
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i)
    if (column + i < p.n) row[column + i] = sums[i];
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_GEMM_TILE_CUH_

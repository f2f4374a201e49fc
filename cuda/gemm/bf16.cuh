// What the two kernels of bf16 products share: how slices of operands lie in shared memory, and how
// a warp multiplies them.
//
// A slice lies in shared memory as it does in global memory, along k or across it, so that it is
// copied 16 bytes at a time either way; ldmatrix, which can transpose, makes fragments of both.
// Rows are padded by 16 bytes, so that the eight rows that ldmatrix reads at once lie in different
// banks. Every sum runs over k in steps of 16 in order, whatever the tile and the kernel, so a row
// of c does not depend on the tile it falls in.
#ifndef RNNATIVE_CUDA_GEMM_BF16_CUH_
#define RNNATIVE_CUDA_GEMM_BF16_CUH_

#include <intrinsics.cuh>

#include "cuda/gemm/tile.cuh"

namespace rnnative::cuda {

constexpr int kBf16Chunk = 8;  // elements of 16 bytes

// A tile, the summands of a slice, and the part of the tile that a warp computes.
template <int kRows, int kColumns, int kSlice, int kWarpRows, int kWarpColumns>
struct TileBf16 {
  static constexpr int kM = kRows, kN = kColumns, kK = kSlice;
  static constexpr int kWarpM = kWarpRows, kWarpN = kWarpColumns;
  static constexpr int kWarpsAcross = kN / kWarpN;
  static constexpr int kThreads = 32 * (kM / kWarpM) * kWarpsAcross;
  // Where this thread's warp computes within the tile.
  __device__ static int row() { return static_cast<int>(threadIdx.x) / 32 / kWarpsAcross * kWarpM; }
  __device__ static int column() {
    return static_cast<int>(threadIdx.x) / 32 % kWarpsAcross * kWarpN;
  }
};

// A slice of kOuter rows of a (columns of b) by kSlice summands: in shared memory [outer][k] if
// kAlongK, else [k][outer], in chunks of 16 bytes that kThreads threads share.
template <int kOuter, int kSlice, int kThreads, bool kAlongK>
struct LayoutBf16 {
  static constexpr int kPitch = (kAlongK ? kSlice : kOuter) + kBf16Chunk;
  static constexpr int kElements = (kAlongK ? kOuter : kSlice) * kPitch;
  static constexpr int kPerRow = (kAlongK ? kSlice : kOuter) / kBf16Chunk;
  static constexpr int kCount = kOuter * kSlice / kBf16Chunk / kThreads;  // chunks of a thread
  static_assert(kCount * kBf16Chunk * kThreads == kOuter * kSlice);

  __device__ static int row_of(int i) {
    return (static_cast<int>(threadIdx.x) + i * kThreads) / kPerRow;
  }
  __device__ static int column_of(int i) {
    return (static_cast<int>(threadIdx.x) + i * kThreads) % kPerRow * kBf16Chunk;
  }
  // How many elements of chunk i there are, with `left` summands and `rest` rows (columns) from the
  // slice's first on; may be negative.
  __device__ static int run_of(int i, int left, int rest) {
    const bool inside = row_of(i) < (kAlongK ? rest : left);
    return inside ? (kAlongK ? left : rest) - column_of(i) : 0;
  }

  // Four 8 x 8 matrices of a slice, those at (outer, k), (outer + 8, k), (outer, k + 8) and
  // (outer + 8, k + 8): a fragment of a. With kSwapped the middle two change places: fragments of b
  // for columns outer and outer + 8.
  template <bool kSwapped>
  __device__ static __forceinline__ void fragment(uint32_t (&to)[4], const uint16_t* slice,
                                                  int outer, int k) {
    const int lane = static_cast<int>(threadIdx.x) % 32, first = lane / 8 % 2, second = lane / 16;
    outer += 8 * (kSwapped ? second : first);
    k += 8 * (kSwapped ? first : second);
    if constexpr (kAlongK)
      load_matrices(to, slice + (outer + lane % 8) * kPitch + k);
    else
      load_matrices_transposed(to, slice + (k + lane % 8) * kPitch + outer);
  }
};

// The first `run` of eight stored elements, zeros for the rest.
__device__ __forceinline__ uint4 load_eight(const uint16_t* at, int run, bool vector) {
  if (vector && run >= kBf16Chunk) return *reinterpret_cast<const uint4*>(at);
  uint32_t pairs[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const uint32_t low = 2 * j < run ? at[2 * j] : 0, high = 2 * j + 1 < run ? at[2 * j + 1] : 0;
    pairs[j] = high << 16 | low;
  }
  return make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
}

// A warp's sums: 16 x 8 elements of c at [i][j], as mma_bf16 holds them.
template <class Tile>
struct SumsBf16 {
  static constexpr int kDown = Tile::kWarpM / 16, kAcross = Tile::kWarpN / 8;
  float at[kDown][kAcross][4] = {};

  template <class LayoutA, class LayoutB>
  __device__ __forceinline__ void add(const uint16_t* slice_a, const uint16_t* slice_b) {
#pragma unroll
    for (int k = 0; k < Tile::kK; k += 16) {
      uint32_t left[kDown][4], right[kAcross / 2][4];
#pragma unroll
      for (int i = 0; i < kDown; ++i)
        LayoutA::template fragment<false>(left[i], slice_a, Tile::row() + 16 * i, k);
#pragma unroll
      for (int j = 0; j < kAcross / 2; ++j)
        LayoutB::template fragment<true>(right[j], slice_b, Tile::column() + 16 * j, k);
#pragma unroll
      for (int i = 0; i < kDown; ++i)
#pragma unroll
        for (int j = 0; j < kAcross; ++j) {
          const uint32_t pair[2] = {right[j / 2][j % 2 * 2], right[j / 2][j % 2 * 2 + 1]};
          mma_bf16(at[i][j], left[i], pair);
        }
    }
  }

  __device__ __forceinline__ void write(const GemmTask& task,
                                        const TilePlace<Tile::kM, Tile::kN>& place) const {
    const Gemm& p = task.product;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    float* c = place.c(task);
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int64_t row = place.row() + Tile::row() + 16 * i + 8 * half + lane / 4;
        if (row >= p.m) continue;
#pragma unroll
        for (int j = 0; j < kAcross; ++j) {
          const float two[2] = {at[i][j][2 * half], at[i][j][2 * half + 1]};
          put(task, c + row * p.ldc, place.column() + Tile::column() + 8 * j + lane % 4 * 2, two);
        }
      }
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_GEMM_BF16_CUH_

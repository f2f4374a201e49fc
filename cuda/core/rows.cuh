// Work on whole rows: a team of threads to each row, which it keeps in registers, so that memory is
// read once however many passes the arithmetic needs. Short rows get a warp, longer ones a block;
// rows too long for registers are a block's too, which reads them again, mostly from cache. What a
// thread holds depends on the row's length only, so the batch and alignment change no bit.
#ifndef RNNATIVE_CUDA_CORE_ROWS_CUH_
#define RNNATIVE_CUDA_CORE_ROWS_CUH_

#include <algorithm>

#include "cuda/core/block.cuh"
#include "cuda/core/device.cuh"
#include "cuda/core/vector.cuh"

namespace rnnative::cuda {

constexpr int kRowThreads = 256;  // of a block, unless rows are too long for registers
constexpr int kLongRowThreads = 512;

// Thread t of a team of kThreads holds elements t + kThreads * j, j < kPer.
template <int kThreads, int kPer>
struct RowShape {
  static constexpr int kTeam = kThreads;
  static constexpr int kEach = kPer;
  static constexpr int kTeams = kRowThreads / kThreads;  // of a block
};

// This team's first row, and how many rows on its next lies.
template <class Shape>
__device__ __forceinline__ int64_t first_team_row() {
  return static_cast<int64_t>(blockIdx.x) * Shape::kTeams + threadIdx.x / Shape::kTeam;
}
template <class Shape>
__device__ __forceinline__ int64_t team_row_stride() {
  return static_cast<int64_t>(gridDim.x) * Shape::kTeams;
}

template <class Shape>
__device__ __forceinline__ void load_row(float (&values)[Shape::kEach], const float* row, int64_t n,
                                         float fallback) {
#pragma unroll
  for (int j = 0; j < Shape::kEach; ++j) {
    const int64_t i = threadIdx.x % Shape::kTeam + j * Shape::kTeam;
    values[j] = i < n ? row[i] : fallback;
  }
}

// visit(i, j) for each element i of a row of n that this thread holds, as its j-th.
template <class Shape, class Visit>
__device__ __forceinline__ void each_held(int64_t n, Visit visit) {
#pragma unroll
  for (int j = 0; j < Shape::kEach; ++j) {
    const int64_t i = threadIdx.x % Shape::kTeam + j * Shape::kTeam;
    if (i < n) visit(i, j);
  }
}

// A launch of blocks that hold `teams` teams each.
inline Launch over_teams(int64_t rows, int teams) {
  const int64_t most = int64_t{device().properties.multiProcessorCount} * 16;
  Launch how;
  how.grid = dim3(static_cast<unsigned>(std::clamp<int64_t>(ceil_div(rows, teams), 1, most)));
  how.block = dim3(kRowThreads);
  how.shared = kReduceBytes;
  return how;
}
// A block to a row.
inline Launch over_long_rows(int64_t rows) {
  Launch how = over_teams(rows, 1);
  how.block = dim3(kLongRowThreads);
  return how;
}

// body(RowShape) for rows of n elements, of kArrays (1 or 2) of which a thread holds its part;
// longer() where registers cannot hold them.
template <int kArrays, class Body, class Longer>
int32_t by_row_length(int64_t n, Body body, Longer longer) {
  constexpr int kWarp = kWarpSize, kBlock = kRowThreads;
  if (n <= kWarp * 2) return body(RowShape<kWarp, 2>{});
  if (n <= kWarp * 8) return body(RowShape<kWarp, 8>{});
  if (n <= kWarp * 16) return body(RowShape<kWarp, 16>{});
  if (n <= kBlock * 4) return body(RowShape<kBlock, 4>{});
  if (n <= kBlock * 16) return body(RowShape<kBlock, 16>{});
  if constexpr (kArrays == 1)
    if (n <= kBlock * 32) return body(RowShape<kBlock, 32>{});
  return longer();
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_ROWS_CUH_

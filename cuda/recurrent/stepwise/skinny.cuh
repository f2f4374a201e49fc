// A product with few rows, and what a phase of a recurrent step does with its sums, in one kernel:
// for small batches launches and the way through memory between a GEMM and a kernel of gate math
// cost more than the arithmetic. A block computes all sums of 8 units for a tile of rows, so the
// weights, which are most of what is read, are read once; its warps share the summands, and their
// partial sums are added in the order of the warps, which depends on k alone.
//
//   sums[d, i, group, j] = sum over k of a[d, i, k] * b[d][group * H + j, k]
//
// A Phase is a type with
//   kGroups                       sums per unit
//   Step                          the kernel's arguments; Step::kMostTiles: 2 or 4
//   update(step, d, i, j, sums)   for each row i < rows and unit j < H of direction d
#ifndef RNNATIVE_CUDA_RECURRENT_STEPWISE_SKINNY_CUH_
#define RNNATIVE_CUDA_RECURRENT_STEPWISE_SKINNY_CUH_

#include <intrinsics.cuh>

#include "cuda/core/device.cuh"

namespace rnnative::cuda {

struct Skinny {
  const void* a;              // [D, B, lda] of float, or bf16 with rows of whole 16 bytes
  const void* b[2];           // [kGroups * H, ldb] of each direction, alike
  int64_t a_group, lda, ldb;  // elements
  int64_t k, rows, hidden;
  bool vector;  // of float: 16-byte loads are possible
};

constexpr int kSkinnyWarps = 8, kSkinnyUnits = 8;

// How many rows are few. In BF16 the tensor cores take kMostTiles of 16 at once; in f32
// multiply-adds grow with the rows.
template <class Step>
constexpr int64_t skinny_rows(bool bf16) {
  return bf16 ? 16 * Step::kMostTiles : 8;
}

// Elements k .. k + 7 of a row of bf16 that ends at `end`, zeros from there on.
__device__ __forceinline__ uint4 load_bf16(const uint16_t* row, int64_t k, int64_t end) {
  if (k + 8 <= end) return *reinterpret_cast<const uint4*>(row + k);
  uint32_t pairs[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const uint32_t low = k + 2 * j < end ? row[k + 2 * j] : 0;
    const uint32_t high = k + 2 * j + 1 < end ? row[k + 2 * j + 1] : 0;
    pairs[j] = high << 16 | low;
  }
  return make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
}

// bf16 on the tensor cores, kTiles * 16 rows a block. A lane loads 8 neighbours of a row at once
// and gives them to two mma in the order it has them: which k is which does not matter to a sum as
// long as a and b agree. So fragments come straight from the L2 cache.
template <class Phase, int kTiles>
__global__ void __launch_bounds__(32 * kSkinnyWarps)
    skinny_bf16_kernel(typename Phase::Step step, Skinny p) {
  constexpr int kGroups = Phase::kGroups, kRows = 16 * kTiles;
  constexpr int kPartial = kGroups * kRows * kSkinnyUnits;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t first_row = static_cast<int64_t>(blockIdx.y) * kRows, d = blockIdx.z;
  const int64_t first_unit = static_cast<int64_t>(blockIdx.x) * kSkinnyUnits;
  const auto* a = static_cast<const uint16_t*>(p.a) + d * p.a_group;
  const auto* b = static_cast<const uint16_t*>(d == 0 ? p.b[0] : p.b[1]);
  // Rows and units beyond the last read the last one; their sums are not used.
  const auto at_most = [](int64_t x, int64_t last) { return x < last ? x : last; };
  const uint16_t *from_a[2 * kTiles], *from_b[kGroups];
#pragma unroll
  for (int r = 0; r < 2 * kTiles; ++r)
    from_a[r] = a + at_most(first_row + 8 * r + lane / 4, p.rows - 1) * p.lda;
#pragma unroll
  for (int g = 0; g < kGroups; ++g)
    from_b[g] = b + (g * p.hidden + at_most(first_unit + lane / 4, p.hidden - 1)) * p.ldb;

  float sums[kTiles][kGroups][4] = {};
  for (int64_t k = 32 * warp; k < p.k; k += 32 * kSkinnyWarps) {
    const int64_t mine = k + lane % 4 * 8;
    uint4 left[2 * kTiles], right[kGroups];
#pragma unroll
    for (int g = 0; g < kGroups; ++g) right[g] = load_bf16(from_b[g], mine, p.k);
#pragma unroll
    for (int r = 0; r < 2 * kTiles; ++r) left[r] = load_bf16(from_a[r], mine, p.k);
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
      const uint4 &low = left[2 * t], &high = left[2 * t + 1];
      const uint32_t one[4] = {low.x, high.x, low.y, high.y};
      const uint32_t two[4] = {low.z, high.z, low.w, high.w};
#pragma unroll
      for (int g = 0; g < kGroups; ++g) {
        const uint32_t b_one[2] = {right[g].x, right[g].y}, b_two[2] = {right[g].z, right[g].w};
        mma_bf16(sums[t][g], one, b_one);
        mma_bf16(sums[t][g], two, b_two);
      }
    }
  }

  // partial: [warps][groups][rows][units]
  float* partial = reinterpret_cast<float*>(shared_memory());
#pragma unroll
  for (int t = 0; t < kTiles; ++t)
#pragma unroll
    for (int g = 0; g < kGroups; ++g)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = 16 * t + 8 * half + lane / 4;
        float* to = partial + warp * kPartial + (g * kRows + row) * kSkinnyUnits + lane % 4 * 2;
        *reinterpret_cast<float2*>(to) =
            make_float2(sums[t][g][2 * half], sums[t][g][2 * half + 1]);
      }
  __syncthreads();
  for (int at = static_cast<int>(threadIdx.x); at < kRows * kSkinnyUnits; at += 32 * kSkinnyWarps) {
    const int64_t i = first_row + at / kSkinnyUnits, j = first_unit + at % kSkinnyUnits;
    if (i >= p.rows || j >= p.hidden) continue;
    float all[kGroups];
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      all[g] = 0.0f;
#pragma unroll
      for (int w = 0; w < kSkinnyWarps; ++w)
        all[g] += partial[w * kPartial + g * kRows * kSkinnyUnits + at];
    }
    Phase::update(step, d, i, j, all);
  }
}

__device__ __forceinline__ float4 load_floats(const float* row, int64_t k, int64_t end,
                                              bool vector) {
  if (vector) return *reinterpret_cast<const float4*>(row + k);
  return make_float4(row[k], k + 1 < end ? row[k + 1] : 0.0f, k + 2 < end ? row[k + 2] : 0.0f,
                     k + 3 < end ? row[k + 3] : 0.0f);
}

// f32: a warp for each unit, its lanes sharing the summands; kRows rows a block.
template <class Phase, int kRows>
__global__ void __launch_bounds__(32 * kSkinnyWarps)
    skinny_f32_kernel(typename Phase::Step step, Skinny p) {
  constexpr int kGroups = Phase::kGroups;
  static_assert(kSkinnyUnits == kSkinnyWarps && kRows <= 32);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t first_row = static_cast<int64_t>(blockIdx.y) * kRows, d = blockIdx.z;
  const int64_t j = static_cast<int64_t>(blockIdx.x) * kSkinnyUnits + warp;
  const int64_t unit = j < p.hidden ? j : p.hidden - 1;
  const float* a = static_cast<const float*>(p.a) + d * p.a_group;
  const float* b = static_cast<const float*>(d == 0 ? p.b[0] : p.b[1]) + unit * p.ldb;
  float sums[kGroups][kRows] = {};
  for (int64_t k = 4 * lane; k < p.k; k += 128) {
    float4 right[kGroups];
#pragma unroll
    for (int g = 0; g < kGroups; ++g)
      right[g] = load_floats(b + g * p.hidden * p.ldb, k, p.k, p.vector);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int64_t row = first_row + r < p.rows ? first_row + r : p.rows - 1;
      const float4 left = load_floats(a + row * p.lda, k, p.k, p.vector);
#pragma unroll
      for (int g = 0; g < kGroups; ++g) {
        sums[g][r] += left.x * right[g].x;
        sums[g][r] += left.y * right[g].y;
        sums[g][r] += left.z * right[g].z;
        sums[g][r] += left.w * right[g].w;
      }
    }
  }
  // Lane r keeps the sums of row r.
  float all[kGroups] = {};
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      float sum = sums[g][r];
#pragma unroll
      for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, apart);
      if (lane == r) all[g] = sum;
    }
  const int64_t i = first_row + lane;
  if (lane < kRows && i < p.rows && j < p.hidden) Phase::update(step, d, i, j, all);
}

// As few of kTiles as the rows need.
template <class Phase, int kTiles>
int32_t launch_skinny_bf16(RnContext* ctx, const typename Phase::Step& step, const Skinny& p,
                           Launch how) {
  if constexpr (kTiles > 1)
    if (p.rows <= 8 * kTiles) return launch_skinny_bf16<Phase, kTiles / 2>(ctx, step, p, how);
  how.grid.y = static_cast<unsigned>(ceil_div(p.rows, 16 * kTiles));
  how.shared = sizeof(float) * kSkinnyWarps * kSkinnyUnits * 16 * kTiles * Phase::kGroups;
  return launch(ctx, how, skinny_bf16_kernel<Phase, kTiles>, step, p);
}

template <class Phase>
int32_t launch_skinny(RnContext* ctx, const typename Phase::Step& step, const Skinny& p,
                      int64_t directions, bool bf16) {
  Launch how;
  how.block = dim3(32 * kSkinnyWarps);
  how.grid = dim3(static_cast<unsigned>(ceil_div(p.hidden, kSkinnyUnits)), 1,
                  static_cast<unsigned>(directions));
  if (bf16) return launch_skinny_bf16<Phase, Phase::Step::kMostTiles>(ctx, step, p, how);
  if (p.rows == 1) return launch(ctx, how, skinny_f32_kernel<Phase, 1>, step, p);
  how.grid.y = static_cast<unsigned>(ceil_div(p.rows, 8));
  return launch(ctx, how, skinny_f32_kernel<Phase, 8>, step, p);
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_STEPWISE_SKINNY_CUH_

// Products of f32 by f32 multiply-adds, without tensor cores (those would round to TF32). A block
// computes a tile of c; its slices of a and b go through shared memory, [k][row] and [k][column]
// whatever their layout in memory, so that each thread reads 4 rows and 4 columns at a time and
// keeps up to 8 x 8 sums in registers: then multiply-adds, not reads, are the limit. While one
// slice is multiplied the next is on its way into registers, and from there into the other of two
// buffers: one barrier a slice. Every sum runs over k in order, so a row of c does not depend on
// the tile it falls in.
#include <intrinsics.cuh>

#include "cuda/gemm/tile.cuh"

namespace rnnative::cuda {
namespace {

template <int kRowsOfTile, int kColumnsOfTile, int kSlice, int kRowsOfThread, int kColumnsOfThread>
struct TileF32 {
  static constexpr int kM = kRowsOfTile, kN = kColumnsOfTile, kK = kSlice;
  static constexpr int kThreadM = kRowsOfThread, kThreadN = kColumnsOfThread;
  // A thread's rows lie together in groups, kDown groups apart; its columns likewise.
  static constexpr int kGroupM = kThreadM < 4 ? kThreadM : 4, kGroupN = kThreadN < 4 ? kThreadN : 4;
  static constexpr int kDown = kM / kThreadM, kAcross = kN / kThreadN;
  static constexpr int kThreads = kDown * kAcross;
  // Rows of a slice are padded so that the transposing stores of a warp spread over the banks.
  static constexpr int kPitchA = kM + 4, kPitchB = kN + 4;
  // With 64 sums a thread has few of its 128 registers left for reading ahead.
  static constexpr int kUnroll = kThreadM * kThreadN == 64 ? 2 : 4;
  static constexpr size_t kShared = sizeof(float) * 2 * kK * (kPitchA + kPitchB);
};
using Large = TileF32<128, 128, 8, 8, 8>;
// Where blocks are few, a slice is the longer: each costs the latency of memory.
using Medium = TileF32<64, 64, 32, 8, 4>;
using Small = TileF32<32, 32, 64, 4, 2>;

// One operand's way from global to shared memory: kOuter rows of a (columns of b) by kK summands,
// four neighbours in memory at a time.
template <int kOuter, int kK, int kThreads, bool kAlongK>
struct SliceF32 {
  static constexpr int kCount = kOuter * kK / 4 / kThreads;
  static_assert(kCount * 4 * kThreads == kOuter * kK);
  const float* from[kCount];
  int64_t step;
  int left;  // summands from the next slice on
  int rest;  // rows (columns) from the tile's first on
  bool vector;
  float4 values[kCount];

  __device__ static int outer_of(int i) {
    const int at = static_cast<int>(threadIdx.x) + i * kThreads;
    return kAlongK ? at / (kK / 4) : at % (kOuter / 4) * 4;
  }
  __device__ static int k_of(int i) {
    const int at = static_cast<int>(threadIdx.x) + i * kThreads;
    return kAlongK ? at % (kK / 4) * 4 : at / (kOuter / 4);
  }

  // `operand`: of the group. The tile begins at row (column) `begin` of `end`, at summand k_begin.
  __device__ SliceF32(const float* operand, int64_t ld, int64_t begin, int64_t end, int64_t k_begin,
                      int summands, bool vector)
      : step(kAlongK ? kK : kK * ld), left(summands), vector(vector) {
    const int64_t inside = end - begin;
    rest = static_cast<int>(inside < kOuter ? inside : kOuter);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int64_t outer = begin + outer_of(i), k = k_begin + k_of(i);
      from[i] = operand + (kAlongK ? outer * ld + k : k * ld + outer);
    }
  }

  __device__ __forceinline__ void load() {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int outer = outer_of(i), k = k_of(i);
      const int run = kAlongK ? (outer < rest ? left - k : 0) : (k < left ? rest - outer : 0);
      values[i] = load_four(from[i], run, vector);
      from[i] += step;
    }
    left -= kK;
  }

  // to: [kK][kPitch]
  template <int kPitch>
  __device__ __forceinline__ void store(float* to) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      float* at = to + k_of(i) * kPitch + outer_of(i);
      const float4& v = values[i];
      if constexpr (kAlongK) {
        at[0] = v.x;
        at[kPitch] = v.y;
        at[2 * kPitch] = v.z;
        at[3 * kPitch] = v.w;
      } else {
        *reinterpret_cast<float4*>(at) = v;
      }
    }
  }
};

// Groups of kGroup neighbours, `apart` from each other.
template <int kGroup, int kCount>
__device__ __forceinline__ void read(const float* from, int apart, float (&to)[kCount]) {
  static_assert(kGroup == 2 || kGroup == 4);
#pragma unroll
  for (int i = 0; i < kCount; i += kGroup) {
    if constexpr (kGroup == 4) {
      const float4 v = *reinterpret_cast<const float4*>(from + i / kGroup * apart);
      to[i] = v.x;
      to[i + 1] = v.y;
      to[i + 2] = v.z;
      to[i + 3] = v.w;
    } else {
      const float2 v = *reinterpret_cast<const float2*>(from + i / kGroup * apart);
      to[i] = v.x;
      to[i + 1] = v.y;
    }
  }
}

template <class Tile, bool kTransA, bool kTransB>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kThreads == 256 ? 2 : 3)
    gemm_f32_kernel(GemmTask task) {
  constexpr int kSliceA = Tile::kK * Tile::kPitchA, kSliceB = Tile::kK * Tile::kPitchB;
  const Gemm& p = task.product;
  const TilePlace<Tile::kM, Tile::kN> place(task);
  float* shared_a = reinterpret_cast<float*>(shared_memory());  // [2][kK][kPitchA]
  float* shared_b = shared_a + 2 * kSliceA;                     // [2][kK][kPitchB]
  SliceF32<Tile::kM, Tile::kK, Tile::kThreads, !kTransA> a(
      static_cast<const float*>(p.a) + place.group * p.stride_a, p.lda, place.row(), p.m,
      place.k_begin(task), place.summands, task.vector_a);
  SliceF32<Tile::kN, Tile::kK, Tile::kThreads, kTransB> b(
      static_cast<const float*>(p.b) + place.group * p.stride_b, p.ldb, place.column(), p.n,
      place.k_begin(task), place.summands, task.vector_b);

  // A warp covers 4 x 8 threads, so that they share most of what they read of a and of b.
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row = Tile::kGroupM * (warp / (Tile::kAcross / 8) * 4 + lane / 8);
  const int column = Tile::kGroupN * (warp % (Tile::kAcross / 8) * 8 + lane % 8);
  float sums[Tile::kThreadM][Tile::kThreadN] = {};

  if (place.summands > 0) {
    a.load();
    b.load();
    a.template store<Tile::kPitchA>(shared_a);
    b.template store<Tile::kPitchB>(shared_b);
    __syncthreads();
  }
  const int slices = static_cast<int>(ceil_div(place.summands, Tile::kK));
  for (int slice = 0; slice < slices; ++slice) {
    const bool more = slice + 1 < slices;
    const int now = slice % 2;
    if (more) {
      a.load();
      b.load();
    }
    const float* from_a = shared_a + now * kSliceA + row;
    const float* from_b = shared_b + now * kSliceB + column;
#pragma unroll Tile::kUnroll
    for (int k = 0; k < Tile::kK; ++k) {
      float left[Tile::kThreadM], right[Tile::kThreadN];
      read<Tile::kGroupM>(from_a + k * Tile::kPitchA, Tile::kGroupM * Tile::kDown, left);
      read<Tile::kGroupN>(from_b + k * Tile::kPitchB, Tile::kGroupN * Tile::kAcross, right);
#pragma unroll
      for (int i = 0; i < Tile::kThreadM; ++i)
#pragma unroll
        for (int j = 0; j < Tile::kThreadN; ++j) sums[i][j] += left[i] * right[j];
    }
    if (!more) break;
    a.template store<Tile::kPitchA>(shared_a + (1 - now) * kSliceA);
    b.template store<Tile::kPitchB>(shared_b + (1 - now) * kSliceB);
    __syncthreads();
  }

  constexpr int kGroupM = Tile::kGroupM, kGroupN = Tile::kGroupN;
  float* c = place.c(task);
#pragma unroll
  for (int i = 0; i < Tile::kThreadM; ++i) {
    const int64_t at = place.row() + row + i / kGroupM * kGroupM * Tile::kDown + i % kGroupM;
    if (at >= p.m) continue;
#pragma unroll
    for (int j = 0; j < Tile::kThreadN; j += kGroupN) {
      float group[kGroupN];
#pragma unroll
      for (int e = 0; e < kGroupN; ++e) group[e] = sums[i][j + e];
      put(task, c + at * p.ldc, place.column() + column + j * Tile::kAcross, group);
    }
  }
}

template <class Tile>
int32_t start(RnContext* ctx, const GemmTask& task) {
  const Launch how = tile_launch(task, Tile::kM, Tile::kN, Tile::kThreads, Tile::kShared);
  return with_layout(task.product, [&](auto trans_a, auto trans_b) {
    return launch(ctx, how, gemm_f32_kernel<Tile, trans_a, trans_b>, task);
  });
}

}  // namespace

int32_t gemm_f32(RnContext* ctx, const GemmTask& task, int tile) {
  if (tile == Large::kM) return start<Large>(ctx, task);
  return tile == Medium::kM ? start<Medium>(ctx, task) : start<Small>(ctx, task);
}

}  // namespace rnnative::cuda

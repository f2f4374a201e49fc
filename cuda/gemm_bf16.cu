// Products of bf16 with sums in f32, on the tensor cores (mma.sync m16n8k16). Operands are float,
// rounded on their way into shared memory, or stored as bf16. A slice of an operand lies in shared
// memory as it does in global memory, along k or across it, so that it is copied 16 bytes at a
// time either way; ldmatrix, which can transpose, makes fragments of both. Rows are padded by 16
// bytes, so that the eight rows that ldmatrix reads at once lie in different banks. While one slice
// is multiplied the next is on its way into registers, and from there into the other of two
// buffers. Every sum runs over k in steps of 16 in order, whatever the tile, so a row of c does not
// depend on the tile it falls in.
#include <intrinsics.cuh>

#include "cuda/gemm_tile.cuh"

namespace rnnative::cuda {
namespace {

constexpr int kChunk = 8;  // elements of 16 bytes

// A tile, the summands of a slice, and the part of the tile that a warp computes.
template <int kRows, int kColumns, int kSlice, int kWarpRows, int kWarpColumns>
struct TileBf16 {
  static constexpr int kM = kRows, kN = kColumns, kK = kSlice;
  static constexpr int kWarpM = kWarpRows, kWarpN = kWarpColumns;
  static constexpr int kWarpsAcross = kN / kWarpN;
  static constexpr int kThreads = 32 * (kM / kWarpM) * kWarpsAcross;
};
using Large = TileBf16<128, 128, 32, 64, 32>;
// Where blocks are few, a slice is the longer: each costs the latency of memory.
using Medium = TileBf16<64, 64, 64, 32, 32>;
using Small = TileBf16<32, 32, 64, 32, 16>;

// One operand's slices: kOuter rows of a (columns of b) by kSlice summands; in shared memory
// [outer][k] if kAlongK, else [k][outer].
template <int kOuter, int kSlice, int kThreads, bool kAlongK>
struct SliceBf16 {
  static constexpr int kPitch = (kAlongK ? kSlice : kOuter) + kChunk;
  static constexpr int kElements = (kAlongK ? kOuter : kSlice) * kPitch;
  static constexpr int kPerRow = (kAlongK ? kSlice : kOuter) / kChunk;
  static constexpr int kCount = kOuter * kSlice / kChunk / kThreads;
  static_assert(kCount * kChunk * kThreads == kOuter * kSlice);
  const char* from[kCount];
  int64_t step;  // bytes
  int left;      // summands from the next slice on
  int rest;      // rows (columns) from the tile's first on
  bool bf16, vector;
  uint4 raw[kCount][2];  // 8 floats, or 8 bf16 in the first half

  __device__ static int row_of(int i) {
    return (static_cast<int>(threadIdx.x) + i * kThreads) / kPerRow;
  }
  __device__ static int column_of(int i) {
    return (static_cast<int>(threadIdx.x) + i * kThreads) % kPerRow * kChunk;
  }

  // `first`: of the group. The tile begins at row (column) `begin` of `end`, at summand k_begin.
  __device__ SliceBf16(const char* first, bool bf16, int64_t ld, int64_t begin, int64_t end,
                       int64_t k_begin, int summands, bool vector)
      : left(summands), bf16(bf16), vector(vector) {
    const int64_t size = bf16 ? 2 : 4, inside = end - begin;
    rest = static_cast<int>(inside < kOuter ? inside : kOuter);
    step = size * (kAlongK ? kSlice : kSlice * ld);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int64_t row = (kAlongK ? begin : k_begin) + row_of(i);
      const int64_t column = (kAlongK ? k_begin : begin) + column_of(i);
      from[i] = first + size * (row * ld + column);
    }
  }

  __device__ __forceinline__ void load() {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const bool inside = row_of(i) < (kAlongK ? rest : left);
      const int run = inside ? (kAlongK ? left : rest) - column_of(i) : 0;
      if (bf16)
        raw[i][0] = load_stored(reinterpret_cast<const uint16_t*>(from[i]), run);
      else
        load_floats(reinterpret_cast<const float*>(from[i]), run, raw[i]);
      from[i] += step;
    }
    left -= kSlice;
  }

  // The first `run` of eight, zeros for the rest.
  __device__ __forceinline__ uint4 load_stored(const uint16_t* at, int run) const {
    if (vector && run >= kChunk) return *reinterpret_cast<const uint4*>(at);
    uint32_t pairs[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const uint32_t low = 2 * j < run ? at[2 * j] : 0, high = 2 * j + 1 < run ? at[2 * j + 1] : 0;
      pairs[j] = high << 16 | low;
    }
    return make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
  }
  __device__ __forceinline__ void load_floats(const float* at, int run, uint4 (&to)[2]) const {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const float4 v = load_four(at + 4 * j, run - 4 * j, vector);
      to[j] = make_uint4(__float_as_uint(v.x), __float_as_uint(v.y), __float_as_uint(v.z),
                         __float_as_uint(v.w));
    }
  }

  __device__ __forceinline__ void store(uint16_t* to) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const uint4 &low = raw[i][0], &high = raw[i][1];
      uint4 packed = low;
      if (!bf16)
        packed = make_uint4(pack_bf16(__uint_as_float(low.x), __uint_as_float(low.y)),
                            pack_bf16(__uint_as_float(low.z), __uint_as_float(low.w)),
                            pack_bf16(__uint_as_float(high.x), __uint_as_float(high.y)),
                            pack_bf16(__uint_as_float(high.z), __uint_as_float(high.w)));
      *reinterpret_cast<uint4*>(to + row_of(i) * kPitch + column_of(i)) = packed;
    }
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

template <class Tile, bool kTransA, bool kTransB>
__global__ void __launch_bounds__(Tile::kThreads) gemm_bf16_kernel(GemmTask task) {
  using SliceA = SliceBf16<Tile::kM, Tile::kK, Tile::kThreads, !kTransA>;
  using SliceB = SliceBf16<Tile::kN, Tile::kK, Tile::kThreads, kTransB>;
  constexpr int kDown = Tile::kWarpM / 16, kAcross = Tile::kWarpN / 8;
  const Gemm& p = task.product;
  const TilePlace<Tile::kM, Tile::kN> place(task);
  uint16_t* shared_a = reinterpret_cast<uint16_t*>(shared_memory());  // [2][SliceA::kElements]
  uint16_t* shared_b = shared_a + 2 * SliceA::kElements;              // [2][SliceB::kElements]
  const char* first_a =
      static_cast<const char*>(p.a) + place.group * p.stride_a * (p.a_bf16 ? 2 : 4);
  const char* first_b =
      static_cast<const char*>(p.b) + place.group * p.stride_b * (p.b_bf16 ? 2 : 4);
  SliceA a(first_a, p.a_bf16, p.lda, place.row(), p.m, place.k_begin(task), place.summands,
           task.vector_a);
  SliceB b(first_b, p.b_bf16, p.ldb, place.column(), p.n, place.k_begin(task), place.summands,
           task.vector_b);

  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row = warp / Tile::kWarpsAcross * Tile::kWarpM;
  const int column = warp % Tile::kWarpsAcross * Tile::kWarpN;
  float sums[kDown][kAcross][4] = {};

  if (place.summands > 0) {
    a.load();
    b.load();
    a.store(shared_a);
    b.store(shared_b);
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
    const uint16_t* from_a = shared_a + now * SliceA::kElements;
    const uint16_t* from_b = shared_b + now * SliceB::kElements;
#pragma unroll
    for (int k = 0; k < Tile::kK; k += 16) {
      uint32_t left[kDown][4], right[kAcross / 2][4];
#pragma unroll
      for (int i = 0; i < kDown; ++i)
        SliceA::template fragment<false>(left[i], from_a, row + 16 * i, k);
#pragma unroll
      for (int j = 0; j < kAcross / 2; ++j)
        SliceB::template fragment<true>(right[j], from_b, column + 16 * j, k);
#pragma unroll
      for (int i = 0; i < kDown; ++i)
#pragma unroll
        for (int j = 0; j < kAcross; ++j) {
          const uint32_t pair[2] = {right[j / 2][j % 2 * 2], right[j / 2][j % 2 * 2 + 1]};
          mma_bf16(sums[i][j], left[i], pair);
        }
    }
    if (!more) break;
    a.store(shared_a + (1 - now) * SliceA::kElements);
    b.store(shared_b + (1 - now) * SliceB::kElements);
    __syncthreads();
  }

  float* c = place.c(task);
#pragma unroll
  for (int i = 0; i < kDown; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int64_t at = place.row() + row + 16 * i + 8 * half + lane / 4;
      if (at >= p.m) continue;
#pragma unroll
      for (int j = 0; j < kAcross; ++j) {
        const float two[2] = {sums[i][j][2 * half], sums[i][j][2 * half + 1]};
        put(task, c + at * p.ldc, place.column() + column + 8 * j + lane % 4 * 2, two);
      }
    }
}

template <class Tile, bool kTransA, bool kTransB>
int32_t start(RnContext* ctx, const GemmTask& task) {
  constexpr size_t kShared = 2 * sizeof(uint16_t) *
                             (SliceBf16<Tile::kM, Tile::kK, Tile::kThreads, !kTransA>::kElements +
                              SliceBf16<Tile::kN, Tile::kK, Tile::kThreads, kTransB>::kElements);
  return launch(ctx, tile_launch(task, Tile::kM, Tile::kN, Tile::kThreads, kShared),
                gemm_bf16_kernel<Tile, kTransA, kTransB>, task);
}
template <class Tile>
int32_t start(RnContext* ctx, const GemmTask& task) {
  const Gemm& p = task.product;
  if (p.trans_a)
    return p.trans_b ? start<Tile, true, true>(ctx, task) : start<Tile, true, false>(ctx, task);
  return p.trans_b ? start<Tile, false, true>(ctx, task) : start<Tile, false, false>(ctx, task);
}

}  // namespace

int32_t gemm_bf16(RnContext* ctx, const GemmTask& task, int tile) {
  if (tile == Large::kM) return start<Large>(ctx, task);
  return tile == Medium::kM ? start<Medium>(ctx, task) : start<Small>(ctx, task);
}

}  // namespace rnnative::cuda

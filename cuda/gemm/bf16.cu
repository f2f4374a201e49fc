// Products of bf16 with sums in f32, on the tensor cores (mma.sync m16n8k16), for operands that are
// float, rounded on their way into shared memory, or stored as bf16, at any address. While one
// slice is multiplied the next is on its way into registers, and from there into the other of two
// buffers: one barrier a slice.
#include "cuda/gemm/bf16.cuh"

namespace rnnative::cuda {
namespace {

using Large = TileBf16<128, 128, 32, 64, 32>;
// Where blocks are few, a slice is the longer: each costs the latency of memory.
using Medium = TileBf16<64, 64, 64, 32, 32>;
using Small = TileBf16<32, 32, 64, 32, 16>;

// One operand's way from global to shared memory.
template <int kOuter, int kSlice, int kThreads, bool kAlongK>
struct SliceBf16 : LayoutBf16<kOuter, kSlice, kThreads, kAlongK> {
  using Layout = LayoutBf16<kOuter, kSlice, kThreads, kAlongK>;
  static constexpr int kCount = Layout::kCount;
  const char* from[kCount];
  int64_t step;  // bytes
  int left;      // summands from the next slice on
  int rest;      // rows (columns) from the tile's first on
  bool bf16, vector;
  uint4 raw[kCount][2];  // 8 floats, or 8 bf16 in the first half

  // `first`: of the group. The tile begins at row (column) `begin` of `end`, at summand k_begin.
  __device__ SliceBf16(const char* first, bool bf16, int64_t ld, int64_t begin, int64_t end,
                       int64_t k_begin, int summands, bool vector)
      : left(summands), bf16(bf16), vector(vector) {
    const int64_t size = bf16 ? 2 : 4, inside = end - begin;
    rest = static_cast<int>(inside < kOuter ? inside : kOuter);
    step = size * (kAlongK ? kSlice : kSlice * ld);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int64_t row = (kAlongK ? begin : k_begin) + Layout::row_of(i);
      const int64_t column = (kAlongK ? k_begin : begin) + Layout::column_of(i);
      from[i] = first + size * (row * ld + column);
    }
  }

  __device__ __forceinline__ void load() {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int run = Layout::run_of(i, left, rest);
      if (bf16)
        raw[i][0] = load_eight(reinterpret_cast<const uint16_t*>(from[i]), run, vector);
      else
        load_floats(reinterpret_cast<const float*>(from[i]), run, raw[i]);
      from[i] += step;
    }
    left -= kSlice;
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
      *reinterpret_cast<uint4*>(to + Layout::row_of(i) * Layout::kPitch + Layout::column_of(i)) =
          packed;
    }
  }
};

template <class Tile, bool kTransA, bool kTransB>
__global__ void __launch_bounds__(Tile::kThreads) gemm_bf16_kernel(GemmTask task) {
  using SliceA = SliceBf16<Tile::kM, Tile::kK, Tile::kThreads, !kTransA>;
  using SliceB = SliceBf16<Tile::kN, Tile::kK, Tile::kThreads, kTransB>;
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
  SumsBf16<Tile> sums;

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
    sums.template add<SliceA, SliceB>(shared_a + now * SliceA::kElements,
                                      shared_b + now * SliceB::kElements);
    if (!more) break;
    a.store(shared_a + (1 - now) * SliceA::kElements);
    b.store(shared_b + (1 - now) * SliceB::kElements);
    __syncthreads();
  }
  sums.write(task, place);
}

template <class Tile>
int32_t start(RnContext* ctx, const GemmTask& task) {
  return with_layout(task.product, [&](auto trans_a, auto trans_b) {
    constexpr size_t kShared = 2 * sizeof(uint16_t) *
                               (SliceBf16<Tile::kM, Tile::kK, Tile::kThreads, !trans_a>::kElements +
                                SliceBf16<Tile::kN, Tile::kK, Tile::kThreads, trans_b>::kElements);
    return launch(ctx, tile_launch(task, Tile::kM, Tile::kN, Tile::kThreads, kShared),
                  gemm_bf16_kernel<Tile, trans_a, trans_b>, task);
  });
}

}  // namespace

int32_t gemm_bf16(RnContext* ctx, const GemmTask& task, int tile) {
  if (tile == Large::kM) return start<Large>(ctx, task);
  return tile == Medium::kM ? start<Medium>(ctx, task) : start<Small>(ctx, task);
}

}  // namespace rnnative::cuda

// Large products of bf16 whose operands are both stored as bf16, in rows that begin at multiples of
// 16 bytes. Slices go from global to shared memory without passing registers (cp.async), three
// ahead of the one that is multiplied, in a ring of four: so memory is read all the time, and the
// registers that the other kernel stages with leave room for a second block on each multiprocessor.
#include "cuda/gemm/bf16.cuh"

namespace rnnative::cuda {
namespace {

using Tile = TileBf16<128, 128, 32, 64, 32>;
constexpr int kRing = 4;

// One operand's way from global to shared memory.
template <int kOuter, bool kAlongK>
struct StoredSlice : LayoutBf16<kOuter, Tile::kK, Tile::kThreads, kAlongK> {
  using Layout = LayoutBf16<kOuter, Tile::kK, Tile::kThreads, kAlongK>;
  static constexpr int kCount = Layout::kCount;
  const uint16_t* from[kCount];
  int64_t step;  // elements
  int rest;      // rows (columns) from the tile's first on

  // `first`: of the group. The tile begins at row (column) `begin` of `end`, at summand k_begin.
  __device__ StoredSlice(const uint16_t* first, int64_t ld, int64_t begin, int64_t end,
                         int64_t k_begin)
      : step(kAlongK ? Tile::kK : Tile::kK * ld) {
    const int64_t inside = end - begin;
    rest = static_cast<int>(inside < kOuter ? inside : kOuter);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int64_t row = (kAlongK ? begin : k_begin) + Layout::row_of(i);
      const int64_t column = (kAlongK ? k_begin : begin) + Layout::column_of(i);
      from[i] = first + row * ld + column;
    }
  }

  // The next slice, from which on `left` summands are left; zeros past them.
  __device__ __forceinline__ void copy(uint16_t* to, int left) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int run = Layout::run_of(i, left, rest);
      uint16_t* chunk = to + Layout::row_of(i) * Layout::kPitch + Layout::column_of(i);
      if (run <= 0 || run >= kBf16Chunk)
        copy_async(chunk, from[i], run > 0);
      else
        *reinterpret_cast<uint4*>(chunk) = load_eight(from[i], run, false);
      from[i] += step;
    }
  }
};

template <bool kTransA, bool kTransB>
__global__ void __launch_bounds__(Tile::kThreads, 2) gemm_stored_kernel(GemmTask task) {
  using SliceA = StoredSlice<Tile::kM, !kTransA>;
  using SliceB = StoredSlice<Tile::kN, kTransB>;
  const Gemm& p = task.product;
  const TilePlace<Tile::kM, Tile::kN> place(task);
  uint16_t* shared_a = reinterpret_cast<uint16_t*>(shared_memory());  // [kRing][SliceA::kElements]
  uint16_t* shared_b = shared_a + kRing * SliceA::kElements;          // [kRing][SliceB::kElements]
  SliceA a(static_cast<const uint16_t*>(p.a) + place.group * p.stride_a, p.lda, place.row(), p.m,
           place.k_begin(task));
  SliceB b(static_cast<const uint16_t*>(p.b) + place.group * p.stride_b, p.ldb, place.column(), p.n,
           place.k_begin(task));
  SumsBf16<Tile> sums;

  int left = place.summands;
#pragma unroll
  for (int slice = 0; slice < kRing - 1; ++slice) {
    a.copy(shared_a + slice * SliceA::kElements, left);
    b.copy(shared_b + slice * SliceB::kElements, left);
    copy_commit();
    left -= Tile::kK;
  }
  const int slices = static_cast<int>(ceil_div(place.summands, Tile::kK));
  for (int slice = 0; slice < slices; ++slice) {
    // This slice has arrived, for all threads; and all are done with the slice before it, whose
    // place the next copy takes.
    copy_wait<kRing - 2>();
    __syncthreads();
    const int next = (slice + kRing - 1) % kRing, now = slice % kRing;
    a.copy(shared_a + next * SliceA::kElements, left);
    b.copy(shared_b + next * SliceB::kElements, left);
    copy_commit();
    left -= Tile::kK;
    sums.template add<SliceA, SliceB>(shared_a + now * SliceA::kElements,
                                      shared_b + now * SliceB::kElements);
  }
  copy_wait<0>();
  sums.write(task, place);
}

}  // namespace

int32_t gemm_bf16_stored(RnContext* ctx, const GemmTask& task) {
  return with_layout(task.product, [&](auto trans_a, auto trans_b) {
    constexpr size_t kShared =
        kRing * sizeof(uint16_t) *
        (StoredSlice<Tile::kM, !trans_a>::kElements + StoredSlice<Tile::kN, trans_b>::kElements);
    return launch(ctx, tile_launch(task, Tile::kM, Tile::kN, Tile::kThreads, kShared),
                  gemm_stored_kernel<trans_a, trans_b>, task);
  });
}

}  // namespace rnnative::cuda

// Goto and van de Geijn's blocked product ("Anatomy of High-Performance Matrix Multiplication",
// 2008). A thread owns a rectangle of C. For each block of k the team packs B together (or finds it
// packed already, when B is a weight); then each thread passes over its rectangle: an A block in
// L2, packed by the thread that uses it, a B panel in L1, a tile of C in registers. While the rows
// pass over a panel, the next one is fetched.
//
// Blocks of k are summed from zero and then added to C, so rounding errors grow with the number of
// blocks rather than with k.
#include "native/cpu/gemm/gemm.h"

#include "native/cpu/core/parallel.h"
#include "native/cpu/gemm/kernel.h"
#include "native/cpu/gemm/pack.h"
#include "native/cpu/gemm/share.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Below this many multiply-adds, waking the team costs more than it saves.
constexpr int64_t kSerialWork = 200000;
// ... and this many elements packed.
constexpr int64_t kSerialPacking = 16384;

// Panels of B that pay for packing an A that could be read where it lies.
constexpr int64_t kManyPanels = 32;
// Tiles over which fetching the next panel is spread; fewer would wait for it.
constexpr int64_t kManyTiles = 4;

template <class E>
bool packs_a(const Gemm& g) {
  return g.trans_a || kManyRows || E::kPrecision != RN_PRECISION_F32 ||
         (g.n > kManyPanels * kPanel && g.m > kFewRows);
}

template <class E>
struct Buffers {
  const typename E::Right* whole_b;  // all of B, packed; or NULL and:
  typename E::Right* block_b[2];     // packed blocks, used in turn
  typename E::Left* packed_a;        // kPackedA of them, this thread's; NULL: A is not packed
};

// Rows of A as the kernel reads them: those of a block's tiles, packed, or all where they lie.
template <class E>
struct Left {
  const typename E::Left* a;
  int64_t tile_stride, row_stride, turn_stride;  // tile_stride 0: not packed
  // The block's i-th tile, whose first row is `row`.
  RN_INLINE Left tile(int64_t i, int64_t row) const {
    const int64_t at = tile_stride > 0 ? i * tile_stride : row * row_stride;
    return {a + at, tile_stride, row_stride, turn_stride};
  }
};

// A function of its own: inlined into the loops over tiles, GCC may keep sums in memory, as it does
// where a sum's place is not a constant; hence the unrolled loops. kPacked: A is, see Left.
template <class E, int kRows, int kVectors, bool kPacked>
__attribute__((noinline)) void tile(const Gemm& g, const Left<E>& left, const typename E::Right* b,
                                    int64_t turns, bool first, int64_t i, int64_t j) {
  float* c = g.c + i * g.ldc + j;
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors * kLanes; v += 16) prefetch_l2(c + r * g.ldc + v);
  vf acc[kRows][kVectors];
  clear(acc);
  multiply<E, kPanelVectors>(acc, left.a, kPacked ? 1 : left.row_stride,
                             kPacked ? kTileRows : left.turn_stride, b, kPanel, turns,
                             kPanel * turns);
  const bool bias = first && g.bias, add = !first || g.accumulate;
  if (j + kVectors * kLanes <= g.n) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, c += g.ldc)
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        vf x = acc[r][v];
        if (bias) x = x + load(g.bias + j + v * kLanes);
        if (add) x = x + load(c + v * kLanes);
        store(c + v * kLanes, x);
      }
    return;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, c += g.ldc)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const int64_t rest = g.n - j - v * kLanes, count = rest < kLanes ? rest : kLanes;
      if (count <= 0) break;
      vf x = acc[r][v];
      if (bias) x = x + load_first(g.bias + j + v * kLanes, count);
      if (add) x = x + load_first(c + v * kLanes, count);
      store_first(c + v * kLanes, x, count);
    }
}
template <class E, int kRows, int kVectors>
RN_INLINE void any_tile(const Gemm& g, const Left<E>& left, const typename E::Right* b,
                        int64_t turns, bool first, int64_t i, int64_t j) {
  if (kManyRows || E::kPrecision != RN_PRECISION_F32 || left.row_stride == 1) {
    tile<E, kRows, kVectors, true>(g, left, b, turns, first, i, j);
  } else {
    tile<E, kRows, kVectors, false>(g, left, b, turns, first, i, j);
  }
}

// A block's tiles in kVectors vectors of B.
template <class E, int kVectors>
void panel_tiles(const Gemm& g, const Left<E>& left, const typename E::Right* b, int64_t turns,
                 bool first, const Block& block, int64_t j) {
  constexpr int kMost = kVectors > kPanelVectors ? kFewRows : kTileRows;
  const auto* next = (const char*)(b + turns * kPanel);
  const int64_t bytes = turns * kPanel * (int64_t)sizeof(*b), count = block.count;
  const int64_t share = kStreamsFromL2 || count < kManyTiles ? 0 : (bytes + count - 1) / count;
  for (int64_t i = 0; i < count; ++i, next += share) {
    const int64_t row = block.row[i];
    for (int64_t at = 0; at < share; at += 64) prefetch(next + at);
    with_rows<kMost>(block.height[i], [&]<int kRows>() __attribute__((always_inline)) {
      any_tile<E, kRows, kVectors>(g, left.tile(i, row), b, turns, first, row, j);
    });
  }
}

// A block's rows and k0 .. k0 + k of A: packed, or where they lie.
template <class E>
Left<E> left_of(const Gemm& g, const Buffers<E>& buffers, const Block& block, int64_t k0,
                int64_t k) {
  if constexpr (E::kPrecision == RN_PRECISION_F32)
    if (!buffers.packed_a) return {g.a + k0, 0, g.lda, 1};
  const int64_t tile_stride = kTileRows * turns_of<E>(k);
  if (g.trans_a) {
    const int64_t i0 = block.row[0], last = block.count - 1;
    const int64_t rows = block.row[last] + block.height[last] - i0;
    pack_transposed<E>(g.a, g.lda, g.m, i0, rows, k0, k, buffers.packed_a);
  } else {
    for (int64_t i = 0; i < block.count; ++i)
      pack_rows<E>(g.a + block.row[i] * g.lda + k0, g.lda, block.height[i], k,
                   buffers.packed_a + i * tile_stride);
  }
  return {buffers.packed_a, tile_stride, 1, kTileRows};
}

template <class E>
void gemm_thread(const Gemm& g, const Buffers<E>& buffers, Barrier* barrier, int thread,
                 int threads) {
  const GemmShare* share = share_of(g, threads);
  const Grid grid = share ? Grid{share->groups, share->members} : grid_of(g, threads);
  const bool idle = thread >= grid.across * grid.along;
  const int64_t panels = (g.n + kPanel - 1) / kPanel;
  const RowTiles tiles = row_tiles(g.m, share, grid, thread / grid.along);
  const Range columns = split(panels, grid.along, thread % grid.along);
  const Range packing = split(panels, threads, thread);
  const MatrixB b = {(const float*)g.b.data, g.ldb, g.trans_b, g.n, nullptr};
  const Blocks blocks = blocks_of<E>(g.k);
  const int64_t most = buffers.packed_a ? Block::kMost : Block::kMost / 2;

  for (int64_t i = 0; i < blocks.count(); ++i) {
    const int64_t k0 = blocks.begin(i), k = blocks.length(i), turns = turns_of<E>(k);
    const typename E::Right* packed_b = buffers.whole_b + turns_of<E>(k0) * panels * kPanel;
    if (!buffers.whole_b) {
      typename E::Right* out = buffers.block_b[i & 1];
      for (int64_t p = packing.begin; p < packing.end; ++p)
        pack_b_panel<E>(b, p, k0, k, out + p * kPanel * turns);
      barrier->wait(threads);
      packed_b = out;
    }
    if (idle) continue;
    for (int64_t tile = 0; tile < tiles.count; tile += most) {
      const Block block = block_of(tiles, tile, most);
      const Left<E> left = left_of<E>(g, buffers, block, k0, k);
      for (int64_t p = columns.begin; p < columns.end; ++p) {
        const int64_t j = p * kPanel;
        const typename E::Right* panel = packed_b + p * kPanel * turns;
        if (block.highest <= kFewRows && p + 1 < columns.end) {
          panel_tiles<E, 2 * kPanelVectors>(g, left, panel, turns, i == 0, block, j);
          ++p;
        } else if (g.n - j > kLanes) {
          panel_tiles<E, kPanelVectors>(g, left, panel, turns, i == 0, block, j);
        } else {
          panel_tiles<E, 1>(g, left, panel, turns, i == 0, block, j);
        }
      }
    }
  }
}

// k = 0: an empty sum.
void empty_product(const Gemm& g) {
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t j = 0; j < g.n; ++j) {
      const float bias = g.bias ? g.bias[j] : 0.0f;
      g.c[i * g.ldc + j] = g.accumulate ? g.c[i * g.ldc + j] + bias : bias;
    }
}

template <class E>
int64_t block_elements(const Gemm& g) {
  return turns_of<E>(blocks_of<E>(g.k).size) * round_up(g.n, kPanel);
}

template <class E>
void pack_whole(RnContext* ctx, const MatrixB& b, int64_t k, typename E::Right* packed) {
  const int64_t panels = (b.n + kPanel - 1) / kPanel;
  const Blocks blocks = blocks_of<E>(k);
  const int64_t count = panels * blocks.count();
  const int64_t grain = count * kSerialPacking / (1 + k * b.n);
  parallel_for(ctx, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t k0 = blocks.begin(i / panels), length = blocks.length(i / panels);
      const int64_t panel = i % panels, before = turns_of<E>(k0) * panels * kPanel;
      pack_b_panel<E>(b, panel, k0, length, packed + before + panel * kPanel * turns_of<E>(length));
    }
  });
}

// The packed form of a weight. NULL: out of memory.
template <class E>
const typename E::Right* cached_b(RnContext* ctx, const Gemm& g) {
  constexpr uint32_t kFirstKind = E::kPrecision == RN_PRECISION_F32 ? 1 : 3;
  const uint32_t kind = g.packed_kind ? g.packed_kind : kFirstKind + g.trans_b;
  const size_t bytes = packed_bytes(E::kPrecision, g.k, g.n);
  int32_t fresh = 0;
  auto* packed =
      (typename E::Right*)ctx->packed(ctx->runtime, g.b.id, g.b.version, kind, bytes, &fresh);
  if (packed && fresh)
    pack_whole<E>(ctx, {(const float*)g.b.data, g.ldb, g.trans_b, g.n, nullptr}, g.k, packed);
  return packed;
}

template <class E>
int32_t gemm_as(RnContext* ctx, const Gemm& args) {
  Buffers<E> buffers = {(const typename E::Right*)args.packed_b, {nullptr, nullptr}, nullptr};
  if (!buffers.whole_b && args.b.id != 0) {
    buffers.whole_b = cached_b<E>(ctx, args);
    if (!buffers.whole_b) return RN_ERR_OUT_OF_MEMORY;
  }
  if (!buffers.whole_b) {
    const int64_t size = block_elements<E>(args);
    auto* both = (typename E::Right*)scratch_floats(ctx, 2 * size);
    if (!both) return RN_ERR_OUT_OF_MEMORY;
    buffers.block_b[0] = both;
    buffers.block_b[1] = both + size;
  }
  const bool serial = ctx->threads <= 1 || args.m * args.n * args.k < kSerialWork;
  if (packs_a<E>(args)) {
    buffers.packed_a =
        (typename E::Left*)scratch_floats(ctx, kPackedA * (serial ? 1 : ctx->threads));
    if (!buffers.packed_a) return RN_ERR_OUT_OF_MEMORY;
  }
  Barrier barrier;
  if (serial) {
    gemm_thread<E>(args, buffers, &barrier, 0, 1);
    return RN_OK;
  }
  parallel_team(ctx, [&](int thread, int threads) {
    Buffers<E> own = buffers;
    if (own.packed_a) own.packed_a += thread * kPackedA;
    gemm_thread<E>(args, own, &barrier, thread, threads);
  });
  return RN_OK;
}

Gemm group_of(const Gemm& args, int64_t i, int64_t a_stride, int64_t b_stride, int64_t c_stride) {
  Gemm g = args;
  g.a += i * a_stride;
  g.b = {(const float*)args.b.data + i * b_stride, 0, 0};
  g.c += i * c_stride;
  return g;
}

// Each thread takes whole products.
template <class E>
int32_t gemm_groups(RnContext* ctx, const Gemm& args, int64_t groups, int64_t a_stride,
                    int64_t b_stride, int64_t c_stride) {
  const int64_t block = block_elements<E>(args);
  float* scratch = scratch_floats(ctx, (block + kPackedA) * ctx->threads);
  if (!scratch) return RN_ERR_OUT_OF_MEMORY;
  const auto run = [&](int thread, int threads) {
    float* own = scratch + thread * (block + kPackedA);
    auto* own_b = (typename E::Right*)own;
    const Buffers<E> buffers = {
        nullptr, {own_b, own_b}, packs_a<E>(args) ? (typename E::Left*)(own + block) : nullptr};
    Barrier unused;
    const Range r = split(groups, threads, thread);
    for (int64_t i = r.begin; i < r.end; ++i)
      gemm_thread<E>(group_of(args, i, a_stride, b_stride, c_stride), buffers, &unused, 0, 1);
  };
  if (args.m * args.n * args.k * groups < kSerialWork) {
    run(0, 1);
  } else {
    parallel_team(ctx, run);
  }
  return RN_OK;
}

}  // namespace

size_t packed_bytes(int32_t precision, int64_t k, int64_t n) {
  return with_element(precision, [=]<class E>() {
    return (size_t)(turns_of<E>(k) * round_up(n, kPanel)) * sizeof(typename E::Right);
  });
}

void pack_matrix(RnContext* ctx, int32_t precision, const float* b, int64_t ldb, bool trans_b,
                 int64_t k, int64_t n, const int32_t* columns, void* packed) {
  with_element(precision, [&]<class E>() {
    pack_whole<E>(ctx, {b, ldb, trans_b, n, columns}, k, (typename E::Right*)packed);
  });
}

int32_t gemm(RnContext* ctx, const Gemm& args) {
  if (args.m <= 0 || args.n <= 0) return RN_OK;
  if (args.k <= 0) {
    empty_product(args);
    return RN_OK;
  }
  const ScratchScope scope(ctx);
  return with_element(args.precision, [&]<class E>() { return gemm_as<E>(ctx, args); });
}

int32_t gemm_batched(RnContext* ctx, const Gemm& args, int64_t groups, int64_t a_stride,
                     int64_t b_stride, int64_t c_stride) {
  // Few large products: the team shares each. Many: a thread takes whole products.
  if (groups < ctx->threads || args.k <= 0 || args.m <= 0 || args.n <= 0) {
    for (int64_t i = 0; i < groups; ++i) {
      const int32_t status = gemm(ctx, group_of(args, i, a_stride, b_stride, c_stride));
      if (status != RN_OK) return status;
    }
    return RN_OK;
  }
  return with_element(args.precision, [&]<class E>() {
    return gemm_groups<E>(ctx, args, groups, a_stride, b_stride, c_stride);
  });
}

}  // namespace rnnative::cpu::RN_ISA

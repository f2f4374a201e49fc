// Goto and van de Geijn's blocked product ("Anatomy of High-Performance Matrix Multiplication",
// 2008). A thread owns a rectangle of C. For each block of k the team packs B together (or finds it
// packed already, when B is a weight); then each thread passes over its rectangle: an A block in
// L2, a B panel in L1, a tile of C in registers. Row-major A is read where it lies; a transposed A
// is packed by the thread that uses it.
//
// Blocks of k are summed from zero and then added to C, so rounding errors grow with the number of
// blocks rather than with k.
#include "native/cpu/gemm/gemm.h"

#include "native/cpu/gemm/kernel.h"
#include "native/cpu/gemm/pack.h"
#include "native/cpu/parallel.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Packing a row-major A pays where a tile has more rows than there are address registers.
constexpr bool kPackRowMajorA = kTileRows > 8;
// Below this many multiply-adds, waking the team costs more than it saves.
constexpr int64_t kSerialWork = 200000;

struct Buffers {
  const float* whole_b;  // all of B, packed; or NULL and:
  float* block_b[2];     // packed blocks, used in turn
  float* packed_a;       // kPackedA floats, this thread's
};

// A function of its own: inlined into the loops over tiles, GCC may keep sums in memory.
template <int kRows, int kVectors>
__attribute__((noinline)) void tile(const Gemm& g, const float* a, int64_t row_stride,
                                    int64_t k_stride, const float* b, int64_t k, bool first,
                                    int64_t i, int64_t j) {
  float* c = g.c + i * g.ldc + j;
  for (int r = 0; r < kRows; ++r) prefetch(c + r * g.ldc);
  vf acc[kRows][kVectors];
  clear(acc);
  multiply(acc, a, row_stride, k_stride, b, kPanel, k);
  const bool bias = first && g.bias, add = !first || g.accumulate;
  if (j + kVectors * kLanes <= g.n) {
    for (int r = 0; r < kRows; ++r, c += g.ldc)
      for (int v = 0; v < kVectors; ++v) {
        vf x = acc[r][v];
        if (bias) x = x + load(g.bias + j + v * kLanes);
        if (add) x = x + load(c + v * kLanes);
        store(c + v * kLanes, x);
      }
    return;
  }
  for (int r = 0; r < kRows; ++r, c += g.ldc)
    for (int v = 0; v < kVectors; ++v) {
      const int64_t rest = g.n - j - v * kLanes, count = rest < kLanes ? rest : kLanes;
      vf x = acc[r][v];
      if (bias) x = x + load_first(g.bias + j + v * kLanes, count);
      if (add) x = x + load_first(c + v * kLanes, count);
      store_first(c + v * kLanes, x, count);
    }
}

// The tiles of rows i0 .. i0 + rows in one panel.
template <int kVectors>
void panel_tiles(const Gemm& g, const float* a, int64_t tile_stride, int64_t row_stride,
                 int64_t k_stride, const float* b, int64_t k, bool first, int64_t i0, int64_t rows,
                 int64_t j) {
  for (int64_t i = 0; i < rows; i += kTileRows, a += tile_stride) {
    const int64_t count = rows - i < kTileRows ? rows - i : kTileRows;
    with_rows<kTileRows>(count, [&]<int kRows>() __attribute__((always_inline)) {
      tile<kRows, kVectors>(g, a, row_stride, k_stride, b, k, first, i0 + i, j);
    });
  }
}

// How the team shares C: `across` parts of rows by `along` parts of panels.
struct Grid {
  int across, along;
};
Grid grid_of(const Gemm& g, int threads) {
  const int64_t tiles = (g.m + kTileRows - 1) / kTileRows, panels = (g.n + kPanel - 1) / kPanel;
  Grid best = {threads, 1};
  int64_t least = INT64_MAX;
  for (int across = threads; across >= 1; --across) {
    const int along = threads / across;
    const int64_t work = ((tiles + across - 1) / across) * ((panels + along - 1) / along);
    if (work < least) {
      least = work;
      best = {across, along};
    }
  }
  return best;
}

void gemm_thread(const Gemm& g, const Buffers& buffers, Barrier* barrier, int thread, int threads) {
  const Grid grid = grid_of(g, threads);
  const bool idle = thread >= grid.across * grid.along;
  const int64_t panels = (g.n + kPanel - 1) / kPanel;
  const Range rows = split(g.m, grid.across, thread / grid.along, kTileRows);
  const Range columns = split(panels, grid.along, thread % grid.along);
  const Range packing = split(panels, threads, thread);
  const MatrixB b = {(const float*)g.b.data, g.ldb, g.trans_b, g.n, nullptr};
  const bool pack = g.trans_a || kPackRowMajorA;
  const Blocks blocks = blocks_of(g.k);

  for (int64_t block = 0; block < blocks.count(); ++block) {
    const int64_t k0 = blocks.begin(block), k = blocks.length(block);
    const float* packed_b = buffers.whole_b + k0 * panels * kPanel;
    if (!buffers.whole_b) {
      float* out = buffers.block_b[block & 1];
      for (int64_t p = packing.begin; p < packing.end; ++p)
        pack_b_panel(b, p, k0, k, out + p * kPanel * k);
      barrier->wait(threads);
      packed_b = out;
    }
    if (idle) continue;
    for (int64_t i0 = rows.begin; i0 < rows.end; i0 += kBlockM) {
      const int64_t count = rows.end - i0 < kBlockM ? rows.end - i0 : kBlockM;
      const float* a = g.a + i0 * g.lda + k0;
      int64_t tile_stride = kTileRows * g.lda, row_stride = g.lda, k_stride = 1;
      if (pack) {
        pack_a(g.a, g.lda, g.trans_a, g.m, i0, count, k0, k, buffers.packed_a);
        a = buffers.packed_a;
        tile_stride = kTileRows * k;
        row_stride = 1;
        k_stride = kTileRows;
      }
      for (int64_t p = columns.begin; p < columns.end; ++p) {
        const int64_t j = p * kPanel;
        const float* panel = packed_b + p * kPanel * k;
        if (g.n - j > kLanes) {
          panel_tiles<kPanelVectors>(g, a, tile_stride, row_stride, k_stride, panel, k, block == 0,
                                     i0, count, j);
        } else {
          panel_tiles<1>(g, a, tile_stride, row_stride, k_stride, panel, k, block == 0, i0, count,
                         j);
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

int64_t block_floats(const Gemm& g) {
  return blocks_of(g.k).size * round_up(g.n, kPanel);
}

}  // namespace

int64_t packed_floats(int64_t k, int64_t n) {
  return k * round_up(n, kPanel);
}

void pack_matrix(RnContext* ctx, const float* b, int64_t ldb, bool trans_b, int64_t k, int64_t n,
                 const int32_t* columns, float* packed) {
  const int64_t panels = (n + kPanel - 1) / kPanel;
  const Blocks blocks = blocks_of(k);
  const MatrixB matrix = {b, ldb, trans_b, n, columns};
  const int64_t count = panels * blocks.count();
  const int64_t grain = count * kSerialWork / (1 + k * n);
  parallel_for(ctx, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t k0 = blocks.begin(i / panels), length = blocks.length(i / panels);
      const int64_t panel = i % panels;
      pack_b_panel(matrix, panel, k0, length,
                   packed + k0 * panels * kPanel + panel * kPanel * length);
    }
  });
}

int32_t gemm(RnContext* ctx, const Gemm& args) {
  if (args.m <= 0 || args.n <= 0) return RN_OK;
  if (args.k <= 0) {
    empty_product(args);
    return RN_OK;
  }
  Buffers buffers = {args.packed_b, {nullptr, nullptr}, nullptr};
  if (!buffers.whole_b && args.b.id != 0) {
    int32_t fresh = 0;
    const uint32_t kind = args.packed_kind ? args.packed_kind : args.trans_b ? 2 : 1;
    float* packed = (float*)ctx->packed(ctx->runtime, args.b.id, args.b.version, kind,
                                        packed_floats(args.k, args.n) * sizeof(float), &fresh);
    if (!packed) return RN_ERR_OUT_OF_MEMORY;
    if (fresh)
      pack_matrix(ctx, (const float*)args.b.data, args.ldb, args.trans_b, args.k, args.n, nullptr,
                  packed);
    buffers.whole_b = packed;
  }
  if (!buffers.whole_b) {
    const int64_t size = block_floats(args);
    float* both = scratch_floats(ctx, 2 * size);
    if (!both) return RN_ERR_OUT_OF_MEMORY;
    buffers.block_b[0] = both;
    buffers.block_b[1] = both + size;
  }
  const bool serial = ctx->threads <= 1 || args.m * args.n * args.k < kSerialWork;
  if (args.trans_a || kPackRowMajorA) {
    buffers.packed_a = scratch_floats(ctx, kPackedA * (serial ? 1 : ctx->threads));
    if (!buffers.packed_a) return RN_ERR_OUT_OF_MEMORY;
  }
  Barrier barrier;
  if (serial) {
    gemm_thread(args, buffers, &barrier, 0, 1);
    return RN_OK;
  }
  parallel_team(ctx, [&](int thread, int threads) {
    Buffers own = buffers;
    if (own.packed_a) own.packed_a += thread * kPackedA;
    gemm_thread(args, own, &barrier, thread, threads);
  });
  return RN_OK;
}

int32_t gemm_batched(RnContext* ctx, const Gemm& args, int64_t groups, int64_t a_stride,
                     int64_t b_stride, int64_t c_stride) {
  const auto group = [&](int64_t i) {
    Gemm g = args;
    g.a += i * a_stride;
    g.b = {(const float*)args.b.data + i * b_stride, 0, 0};
    g.c += i * c_stride;
    return g;
  };
  const int64_t work = args.m * args.n * args.k;
  // Few large products: the team shares each. Many: a thread takes whole products.
  if (groups < ctx->threads || args.k <= 0 || args.m <= 0 || args.n <= 0) {
    for (int64_t i = 0; i < groups; ++i) {
      const int32_t status = gemm(ctx, group(i));
      if (status != RN_OK) return status;
    }
    return RN_OK;
  }
  const int64_t block = block_floats(args);
  float* scratch = scratch_floats(ctx, (block + kPackedA) * ctx->threads);
  if (!scratch) return RN_ERR_OUT_OF_MEMORY;
  const auto run = [&](int thread, int threads) {
    float* own = scratch + thread * (block + kPackedA);
    const Buffers buffers = {nullptr, {own, own}, own + block};
    Barrier unused;
    const Range r = split(groups, threads, thread);
    for (int64_t i = r.begin; i < r.end; ++i) gemm_thread(group(i), buffers, &unused, 0, 1);
  };
  if (work * groups < kSerialWork) {
    run(0, 1);
  } else {
    parallel_team(ctx, run);
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

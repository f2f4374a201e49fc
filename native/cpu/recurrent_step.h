// One phase of one step of the recurrence: a product with the recurrent weight whose tiles pass
// straight into the cell's elementwise function.
//
// The product's sums never leave the L1 cache: a panel of the weight (a few unit vectors with all
// their gates) is cut along k into blocks that fit L1 and meets all of a thread's rows before the next
// panel is fetched. So weights far larger than the caches are read once per step, and sums are formed
// in order of k whatever the blocking, the number of rows or the threads.
//
// The team forms a grid: groups share the rows (tiles are dealt out in turn, so ragged batches stay
// even), members of a group share the panels. Rows are independent of each other, so groups never
// wait for one another; members meet at a barrier after each phase.
#ifndef RNNATIVE_CPU_RECURRENT_STEP_H_
#define RNNATIVE_CPU_RECURRENT_STEP_H_

#include "native/cpu/cells/cell.h"
#include "native/cpu/gemm/pack.h"
#include "native/cpu/parallel.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct TeamGrid {
  int groups, members;
};
struct Place {
  int group, groups, member, members;
};

// What a product of a step looks like to the planner.
struct StepShape {
  int64_t rows, k, panels;
  int tile_rows, vectors;
};

// Chooses the grid with the least estimated cycles per step: multiply-adds at two a cycle, or fetching
// the weights from L2 or beyond, plus the barrier. Costs are rough; only their order matters.
inline TeamGrid plan_grid(const StepShape& s, int threads) {
  constexpr double kBarrier = 1500, kCache = 384 << 10, kNear = 24, kFar = 8;
  TeamGrid best = {1, 1};
  double least = 0;
  for (int groups = 1; groups <= threads; ++groups)
    for (int members = 1; groups * members <= threads; ++members) {
      const int64_t tiles = (s.rows + s.tile_rows - 1) / s.tile_rows;
      const int64_t own = (tiles + groups - 1) / groups;
      const int64_t last = s.rows - (tiles - 1) * s.tile_rows;
      // A short tile is bound by the latency of its few sums.
      const double short_tile = last * 10 < s.tile_rows * 6 ? 0.6 : (double)last / s.tile_rows;
      const double tile_count = tiles % groups == 1 || groups == 1 ? own - 1 + short_tile : own;
      const int64_t panels = (s.panels + members - 1) / members;
      const double bytes = (double)panels * s.k * s.vectors * RN_VECTOR_BYTES;
      const double compute = (double)panels * tile_count * s.k * s.tile_rows * s.vectors / 2;
      const double fetch = bytes / (bytes <= kCache ? kNear : kFar);
      const double cycles = (compute > fetch ? compute : fetch) + (members > 1 ? kBarrier : 0);
      if (groups * members == 1 || cycles < least) {
        least = cycles;
        best = {groups, members};
      }
    }
  return best;
}
RN_INLINE Place place_of(const TeamGrid& grid, int thread) {
  return {thread / grid.members, grid.groups, thread % grid.members, grid.members};
}

// Rows that a thread takes through a panel at a time, and its buffer for their sums.
constexpr int64_t kRowChunk = 144;
constexpr int64_t kSumFloats = kRowChunk * 4 * kLanes;

template <class Phase>
struct ForwardTile {
  static constexpr int kVectors = Phase::kGates * Phase::kUnits;
  static_assert(kVectors <= 4);
  static constexpr int kRows = kAccumulators / kVectors;
  static constexpr int64_t kRowFloats = kVectors * kLanes;
  // Cuts k so that a block of the panel takes about two thirds of a 32 KiB L1 cache.
  static constexpr int64_t kMaxBlock = (20 << 10) / (kRowFloats * 4);

  static int64_t panels(int64_t units) { return (units + Phase::kUnits - 1) / Phase::kUnits; }
  static int64_t packed_floats(int64_t units, int64_t k) { return panels(units) * k * kRowFloats; }
};

// Packs R [G * H, H] for a phase: [panel][k][unit vector][gate][lane].
template <class Phase>
void pack_recurrent(RnContext* ctx, const float* weight, int64_t hidden, int64_t units, float* out) {
  using Tile = ForwardTile<Phase>;
  parallel_for(ctx, Tile::panels(units), 65536 / (hidden * Tile::kRowFloats + 1),
               [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      float* panel = out + p * hidden * Tile::kRowFloats;
      for (int u = 0; u < Phase::kUnits; ++u)
        for (int g = 0; g < Phase::kGates; ++g)
          for (int lane = 0; lane < kLanes; ++lane) {
            const int64_t unit = (p * Phase::kUnits + u) * kLanes + lane;
            float* column = panel + (u * Phase::kGates + g) * kLanes + lane;
            const float* row = weight + ((Phase::kFirstGate + g) * hidden + unit) * hidden;
            for (int64_t k = 0; k < hidden; ++k)
              column[k * Tile::kRowFloats] = unit < hidden ? row[k] : 0.0f;
          }
    }
  });
}

template <class Phase, bool kTraining>
__attribute__((noinline)) void forward_cells(const ForwardStep& s, int64_t row, int64_t rows,
                                             int64_t panel, float* sums) {
  using Tile = ForwardTile<Phase>;
  const int64_t units = s.stride / kLanes, first = panel * Phase::kUnits;
  const int64_t count = units - first < Phase::kUnits ? units - first : Phase::kUnits;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < count; ++u)
      Phase::template activate<kTraining>(s, row + r, first + u,
                                          sums + r * Tile::kRowFloats + u * Phase::kGates * kLanes);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < count; ++u)
      Phase::template update<kTraining>(s, row + r, first + u,
                                        sums + r * Tile::kRowFloats + u * Phase::kGates * kLanes);
}

// sums[kRows][kVectors] (+)= a's rows times k rows of the panel.
template <int kRows, int kVectors>
RN_INLINE void multiply_into(float* sums, bool first, const float* a, int64_t row_stride,
                             const float* panel, int64_t panel_stride, int64_t k) {
  vf acc[kRows][kVectors];
  if (first) {
    clear(acc);
  } else {
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) acc[r][v] = load(sums + (r * kVectors + v) * kLanes);
  }
  multiply(acc, a, row_stride, 1, panel, panel_stride, k);
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) store(sums + (r * kVectors + v) * kLanes, acc[r][v]);
}

RN_INLINE void prefetch_floats(const float* p, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) prefetch(p + i);
}
// What the cells of a tile's rows will touch, fetched while the tile's product runs.
RN_INLINE void prefetch_row(const ForwardStep& s, int64_t row, int64_t unit, int64_t units,
                            int64_t unit_floats) {
  prefetch_floats(s.gates + row * s.gate_stride + unit * unit_floats, units * unit_floats);
  if (s.c_prev) prefetch_floats(s.c_prev + row * s.stride + unit * kLanes, units * kLanes);
}
RN_INLINE void prefetch_row(const BackwardStep& s, int64_t row, int64_t unit, int64_t units,
                            int64_t unit_floats) {
  const int64_t at = row * s.stride + unit * kLanes, n = units * kLanes;
  prefetch_floats(s.gates + row * s.gate_stride + unit * unit_floats, units * unit_floats);
  prefetch_floats(s.h_prev + at, n);
  if (s.c_prev) prefetch_floats(s.c_prev + at, n);
  if (s.extra) prefetch_floats(s.extra + at, n);
  if (s.dy) prefetch_floats(s.dy + (s.dy_order ? s.dy_order[row] : row) * s.dy_stride + unit * kLanes, n);
}

// `weights`: pack_recurrent's. `sums`: kSumFloats of this thread's.
template <class Phase, bool kTraining>
void forward_phase(const ForwardStep& s, const float* weights, const Place& place, float* sums) {
  using Tile = ForwardTile<Phase>;
  constexpr int kRows = Tile::kRows, kVectors = Tile::kVectors;
  const int64_t k = s.hidden, tiles = (s.rows + kRows - 1) / kRows;
  const Range panels = split(Tile::panels(s.stride / kLanes), place.members, place.member);
  const int64_t unit_floats = s.gate_stride / (s.stride / kLanes);
  const float* a = Phase::operand(s);
  const int64_t chunk = kRowChunk / kRows * place.groups;  // in tiles, of which ours are 1 in groups
  for (int64_t tile0 = place.group; tile0 < tiles; tile0 += chunk) {
    const int64_t tile_end = tile0 + chunk < tiles ? tile0 + chunk : tiles;
    const bool one_tile = tile0 + place.groups >= tile_end;
    const int64_t blocks = one_tile ? 1 : (k + Tile::kMaxBlock - 1) / Tile::kMaxBlock;
    for (int64_t p = panels.begin; p < panels.end; ++p)
      for (int64_t block = 0; block < blocks; ++block) {
        const int64_t k0 = k * block / blocks, k1 = k * (block + 1) / blocks;
        const float* panel = weights + (p * k + k0) * Tile::kRowFloats;
        float* tile_sums = sums;
        for (int64_t tile = tile0; tile < tile_end; tile += place.groups) {
          const int64_t row = tile * kRows, rows = s.rows - row < kRows ? s.rows - row : kRows;
          const float* left = a + row * s.stride + k0;
          if (block == 0)
            for (int64_t r = 0; r < rows; ++r)
              prefetch_row(s, row + r, p * Phase::kUnits, Phase::kUnits, unit_floats);
          with_rows<kRows>(rows, [&]<int kCount>() __attribute__((always_inline)) {
            multiply_into<kCount, kVectors>(tile_sums, block == 0, left, s.stride, panel,
                                            Tile::kRowFloats, k1 - k0);
          });
          if (block == blocks - 1) forward_cells<Phase, kTraining>(s, row, rows, p, tile_sums);
          if (blocks > 1) tile_sums += kRows * Tile::kRowFloats;
        }
      }
  }
}

// A backward product: rows of a [.., k] times a part of R packed by pack_matrix.
struct Product {
  const float* a;
  int64_t lda, k;
  const float* packed;
};

template <class Phase>
__attribute__((noinline)) void backward_cells(const BackwardStep& s, int64_t row, int64_t rows,
                                              int64_t panel, const float* sums) {
  const int64_t units = s.stride / kLanes, first = panel * kPanelVectors;
  for (int64_t r = 0; r < rows; ++r, sums += kPanel)
    for (int u = 0; u < kPanelVectors && first + u < units; ++u)
      Phase::cell(s, row + r, first + u, load(sums + u * kLanes));
}

// Rows from `product_rows` on have no product: their sums are zero.
template <class Phase>
void backward_phase(const BackwardStep& s, const Product* products, int64_t product_rows,
                    const Place& place, float* sums) {
  constexpr int kRows = kTileRows, kProducts = sizeof(Phase::kProducts) / sizeof(ProductSpec);
  const int64_t tiles = (s.rows + kRows - 1) / kRows;
  const int64_t all_panels = (s.hidden + kPanel - 1) / kPanel;
  const int64_t unit_floats = s.gate_stride / (s.stride / kLanes);
  const Range panels = split(all_panels, place.members, place.member);
  const int64_t chunk = kRowChunk / kRows * place.groups;
  for (int64_t tile0 = place.group; tile0 < tiles; tile0 += chunk) {
    const int64_t tile_end = tile0 + chunk < tiles ? tile0 + chunk : tiles;
    for (int64_t p = panels.begin; p < panels.end; ++p) {
      bool first = true;
      for (int i = 0; i < kProducts; ++i) {
        const Product& product = products[i];
        const Blocks blocks = blocks_of(product.k);
        for (int64_t block = 0; block < blocks.count(); ++block, first = false) {
          const int64_t k0 = blocks.begin(block), length = blocks.length(block);
          const float* panel = product.packed + (k0 * all_panels + p * length) * kPanel;
          const bool last = i == kProducts - 1 && block == blocks.count() - 1;
          float* tile_sums = sums;
          for (int64_t tile = tile0; tile < tile_end; tile += place.groups) {
            const int64_t row = tile * kRows, rows = s.rows - row < kRows ? s.rows - row : kRows;
            const int64_t with = product_rows - row < rows ? product_rows - row : rows;
            if (first)
              for (int64_t r = 0; r < rows; ++r)
                prefetch_row(s, row + r, p * kPanelVectors, kPanelVectors, unit_floats);
            if (with > 0)
              with_rows<kRows>(with, [&]<int kCount>() __attribute__((always_inline)) {
                multiply_into<kCount, kPanelVectors>(tile_sums, first,
                                                     product.a + row * product.lda + k0, product.lda,
                                                     panel, kPanel, length);
              });
            if (last) {
              for (int64_t r = with > 0 ? with : 0; r < rows; ++r)
                for (int64_t j = 0; j < kPanel; j += kLanes)
                  store(tile_sums + r * kPanel + j, zero());
              backward_cells<Phase>(s, row, rows, p, tile_sums);
            }
            tile_sums += kRows * kPanel;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_STEP_H_

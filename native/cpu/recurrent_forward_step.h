// A phase of a forward step: a product with R whose tiles pass straight into the cell.
#ifndef RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_
#define RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_

#include "native/cpu/recurrent_tile.h"

namespace rnnative::cpu::RN_ISA {
namespace {

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
void pack_recurrent(RnContext* ctx, const float* weight, int64_t hidden, int64_t units,
                    float* out) {
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
                         const float* row =
                             weight + ((Phase::kFirstGate + g) * hidden + unit) * hidden;
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

// What the cells of a tile's rows will touch, fetched while the tile's product runs.
RN_INLINE void prefetch_row(const ForwardStep& s, int64_t row, int64_t unit, int64_t units) {
  const int64_t unit_floats = s.gate_stride / (s.stride / kLanes);
  prefetch_floats(s.gates + row * s.gate_stride + unit * unit_floats, units * unit_floats);
  if (s.c_prev) prefetch_floats(s.c_prev + row * s.stride + unit * kLanes, units * kLanes);
}
// A block of a phase's panel: rows k0 .. k0 + k.
struct ForwardBlock {
  int64_t panel;
  const float* data;
  int64_t k0, k;
  bool first, last;
};

template <class Phase, bool kTraining>
RN_INLINE void forward_tiles(const ForwardStep& s, const Tiles& tiles, const ForwardBlock& block,
                             float* sums) {
  using Tile = ForwardTile<Phase>;
  constexpr int kRows = Tile::kRows;
  const bool whole = block.first && block.last;  // then one tile's sums suffice
  for (int64_t tile = tiles.first; tile < tiles.end; tile += tiles.step) {
    const int64_t row = tile * kRows, rows = s.rows - row < kRows ? s.rows - row : kRows;
    const float* a = Phase::operand(s) + row * s.stride + block.k0;
    if (block.first)
      for (int64_t r = 0; r < rows; ++r)
        prefetch_row(s, row + r, block.panel * Phase::kUnits, Phase::kUnits);
    with_rows<kRows>(rows, [&]<int kCount>() __attribute__((always_inline)) {
      multiply_into<kCount, Tile::kVectors>(sums, block.first, a, s.stride, block.data, block.k);
    });
    if (block.last) forward_cells<Phase, kTraining>(s, row, rows, block.panel, sums);
    if (!whole) sums += kRows * Tile::kRowFloats;
  }
}

// `weights`: pack_recurrent's. `sums`: kSumFloats of this thread's.
template <class Phase, bool kTraining>
void forward_phase(const ForwardStep& s, const float* weights, const Place& place, float* sums) {
  using Tile = ForwardTile<Phase>;
  const int64_t k = s.hidden;
  const Range panels = split(Tile::panels(s.stride / kLanes), place.members, place.member);
  each_chunk(s.rows, Tile::kRows, place, [&](const Tiles& tiles) {
    // Blocks pay only where more than one tile meets them.
    const bool one_tile = tiles.first + tiles.step >= tiles.end;
    const int64_t blocks = one_tile ? 1 : (k + Tile::kMaxBlock - 1) / Tile::kMaxBlock;
    for (int64_t p = panels.begin; p < panels.end; ++p)
      for (int64_t b = 0; b < blocks; ++b) {
        const int64_t k0 = k * b / blocks, k1 = k * (b + 1) / blocks;
        const float* data = weights + (p * k + k0) * Tile::kRowFloats;
        forward_tiles<Phase, kTraining>(s, tiles, {p, data, k0, k1 - k0, b == 0, b == blocks - 1},
                                        sums);
      }
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_

// A phase of a forward step: a product with R whose tiles pass straight into the cell.
#ifndef RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_
#define RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_

#include "native/cpu/recurrent/tile.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <class Phase>
struct ForwardTile {
  static constexpr int kVectors = Phase::kGates * Phase::kUnits;
  static_assert(kVectors <= 4);
  static constexpr int kRows = kAccumulators / kVectors;
  static constexpr int64_t kRowFloats = kVectors * kLanes;  // of sums; elements of a panel's turn
  // Cuts k so that a block of the panel takes about two thirds of a 32 KiB L1 cache, or 128 KiB of
  // L2.
  template <class E>
  static constexpr int64_t kMaxTurns =
      (kStreamsFromL2 ? 128 << 10 : 20 << 10) / (kRowFloats * sizeof(typename E::Right));

  static int64_t panels(int64_t units) { return (units + Phase::kUnits - 1) / Phase::kUnits; }
  template <class E>
  static size_t packed_bytes(int64_t units, int64_t k) {
    return (size_t)(panels(units) * turns_of<E>(k) * kRowFloats) * sizeof(typename E::Right);
  }
};

// Packs R [G * H, H] for a phase: [panel][turn][unit vector][gate][lane].
template <class E, class Phase>
void pack_recurrent(RnContext* ctx, const float* weight, int64_t hidden, int64_t units,
                    typename E::Right* out) {
  using Tile = ForwardTile<Phase>;
  const int64_t turns = turns_of<E>(hidden);
  parallel_for(ctx, Tile::panels(units), 65536 / (hidden * Tile::kRowFloats + 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t p = begin; p < end; ++p) {
                   typename E::Right* panel = out + p * turns * Tile::kRowFloats;
                   for (int u = 0; u < Phase::kUnits; ++u)
                     for (int g = 0; g < Phase::kGates; ++g) {
                       const float* columns[kLanes];
                       for (int lane = 0; lane < kLanes; ++lane) {
                         const int64_t unit = (p * Phase::kUnits + u) * kLanes + lane;
                         const int64_t row = (Phase::kFirstGate + g) * hidden + unit;
                         columns[lane] = unit < hidden ? weight + row * hidden : nullptr;
                       }
                       pack_columns<E>(columns, hidden, Tile::kRowFloats,
                                       panel + (u * Phase::kGates + g) * kLanes);
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
// A block of a phase's panel: `turns` turns from `turn0` on.
template <class E>
struct ForwardBlock {
  int64_t panel;
  const typename E::Right* data;
  int64_t turn0, turns;
  bool first, last;
  NextBlock next;
};

// The rows that R is applied to.
template <class E>
struct ForwardOperand {
  const typename E::Left* data;
  int64_t stride;
};
template <class E, class Phase, bool kTraining>
RN_INLINE ForwardOperand<E> operand_of(const ForwardStep& s) {
  constexpr bool kRounded = E::kPrecision == RN_PRECISION_BF16;
  if constexpr (kTraining)
    if (s.operand)
      return {(const typename E::Left*)s.operand, kRounded ? s.rounded_stride : s.stride};
  if constexpr (!kRounded) {
    return {Phase::kReadsExtra ? s.extra : s.h_prev, s.stride};
  } else {
    return {Phase::kReadsExtra ? s.rounded_extra : s.rounded_h, s.rounded_stride};
  }
}

template <class E, class Phase, bool kTraining>
RN_INLINE void forward_tiles(const ForwardStep& s, const Tiles& tiles, ForwardBlock<E> block,
                             float* sums) {
  using Tile = ForwardTile<Phase>;
  constexpr int kRows = Tile::kRows;
  const bool whole = block.first && block.last;  // then one tile's sums suffice
  const ForwardOperand<E> operand = operand_of<E, Phase, kTraining>(s);
  for (int64_t tile = tiles.first; tile < tiles.end; tile += tiles.step) {
    const int64_t row = tiles.row(tile), next = tiles.row(tile + 1);
    const int64_t rows = (next < s.rows ? next : s.rows) - row;
    const typename E::Left* a = operand.data + row * operand.stride + block.turn0;
    if (block.first)
      for (int64_t r = 0; r < rows; ++r)
        prefetch_row(s, row + r, block.panel * Phase::kUnits, Phase::kUnits);
    const FetchLines fetch = block.next.during(block.turns, block.data);
    with_rows<kRows>(rows, [&]<int kCount>() __attribute__((always_inline)) {
      multiply_into<E, Tile::kVectors, kCount, Tile::kVectors>(sums, block.first, a, operand.stride,
                                                               block.data, 0, block.turns, fetch);
    });
    if (block.last) forward_cells<Phase, kTraining>(s, row, rows, block.panel, sums);
    if (!whole) sums += kRows * Tile::kRowFloats;
  }
}

// `weights`: pack_recurrent's. `sums`: kSumFloats of this thread's.
template <class E, class Phase, bool kTraining>
void forward_phase(const ForwardStep& s, const typename E::Right* weights, const Place& place,
                   float* sums) {
  using Tile = ForwardTile<Phase>;
  constexpr int64_t kMaxTurns = Tile::template kMaxTurns<E>;
  constexpr int64_t kTurnBytes = Tile::kRowFloats * sizeof(typename E::Right);
  const int64_t turns = turns_of<E>(s.hidden);
  const PanelOrder panels = {split(Tile::panels(s.stride / kLanes), place.members, place.member),
                             s.turned};
  const bool far = panels.count() * turns * kTurnBytes > kNearBytes;
  each_chunk(s.rows, Tile::kRows, place, [&](const Tiles& tiles) {
    // Blocks pay only where more than one tile meets them.
    const bool one_tile = tiles.first + tiles.step >= tiles.end;
    const int64_t blocks = one_tile ? 1 : (turns + kMaxTurns - 1) / kMaxTurns;
    for (int64_t i = 0; i < panels.count() * blocks; ++i) {
      const int64_t p = panels.at(i / blocks), b = i % blocks;
      const int64_t t0 = turns * b / blocks, t1 = turns * (b + 1) / blocks;
      const bool last = b == blocks - 1, end = i + 1 == panels.count() * blocks;
      const int64_t next = last ? (end ? p : panels.at(i / blocks + 1)) * turns : p * turns + t1;
      const auto data_at = [=](int64_t turn) { return weights + turn * Tile::kRowFloats; };
      forward_tiles<E, Phase, kTraining>(
          s, tiles,
          {p,
           data_at(p * turns + t0),
           t0,
           t1 - t0,
           b == 0,
           last,
           {(const char*)data_at(next), far && !end ? (t1 - t0) * kTurnBytes : 0}},
          sums);
    }
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_

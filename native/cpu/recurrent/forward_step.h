// A phase of a forward step: a product with R whose tiles pass straight into the cell.
#ifndef RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_
#define RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_

#include "native/cpu/recurrent/layout.h"
#include "native/cpu/recurrent/runs.h"
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
  // Of a panel: kVectors, but in the last one only those that hold gates.
  static int64_t vectors(int64_t panel, int64_t units, int64_t tail_lanes) {
    const int64_t left = units - panel * Phase::kUnits;
    if (left > Phase::kUnits) return kVectors;
    return (left - 1) * Phase::kGates + (Phase::kGates * tail_lanes + kLanes - 1) / kLanes;
  }
  // Turns of all panels; the table of runs (runs.h) lies behind them.
  static int64_t elements(int64_t units, int64_t turns) {
    return panels(units) * turns * kRowFloats;
  }
  template <class E>
  static size_t packed_bytes(const Layout& l) {
    const int64_t turns = turns_of<E>(l.state);
    return (size_t)elements(l.units, turns) * sizeof(typename E::Right) +
           (size_t)run_table_size<E>(panels(l.units), turns) * sizeof(int32_t);
  }
};

// Packs R [G * H, P] for a phase: [panel][turn][unit vector][gate][lane].
template <class E, class Phase>
void pack_recurrent(RnContext* ctx, const float* weight, const Layout& l, typename E::Right* out) {
  using Tile = ForwardTile<Phase>;
  const int64_t state = l.state, turns = turns_of<E>(state);
  const float* rows = weight + Phase::kFirstGate * l.hidden * state;
  int32_t* table = (int32_t*)(out + Tile::elements(l.units, turns));
  parallel_for(ctx, Tile::panels(l.units), 65536 / (state * Tile::kRowFloats + 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t p = begin; p < end; ++p) {
                   const int64_t vectors = Tile::vectors(p, l.units, l.tail_lanes);
                   for (int64_t v = 0; v < vectors; ++v) {
                     const float* columns[kLanes];
                     for (int lane = 0; lane < kLanes; ++lane) {
                       const int64_t row =
                           l.row_at(Phase::kGates, p * Phase::kUnits + v / Phase::kGates,
                                    v % Phase::kGates * kLanes + lane);
                       columns[lane] = row < 0 ? nullptr : rows + row * state;
                     }
                     pack_columns<E>(columns, state, vectors * kLanes,
                                     out + p * turns * Tile::kRowFloats + v * kLanes);
                   }
                   find_runs<E>(out + p * turns * Tile::kRowFloats, turns, vectors * kLanes,
                                table + 1 + p * run_table_row<E>(turns));
                 }
               });
  const int64_t panels = Tile::panels(l.units);
  leave_out_zeros<E>(out, panels, turns, Tile::kRowFloats,
                     Tile::vectors(panels - 1, l.units, l.tail_lanes) * kLanes, table);
}

// row_floats: of sums.
template <class Phase, bool kTraining>
RN_NEVER_INLINE void forward_cells(const ForwardStep& s, int64_t row, int64_t rows, int64_t panel,
                                   float* sums, int64_t row_floats) {
  const int64_t units = s.stride / kLanes, first = panel * Phase::kUnits;
  const int64_t count = units - first < Phase::kUnits ? units - first : Phase::kUnits;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < count; ++u)
      Phase::template activate<kTraining>(s, row + r, first + u,
                                          sums + r * row_floats + u * Phase::kGates * kLanes);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < count; ++u)
      Phase::template update<kTraining>(s, row + r, first + u,
                                        sums + r * row_floats + u * Phase::kGates * kLanes);
}

// A gate of `rest` units in a vector of its own: of gates that share vectors, `lanes` apart.
template <int kGates>
RN_INLINE void unfold(const float* from, int64_t lanes, int64_t rest, float* to) {
  vf gate[kGates];
#pragma GCC unroll 4
  for (int g = 0; g < kGates; ++g) gate[g] = load_first(from + g * lanes, rest);
#pragma GCC unroll 4
  for (int g = 0; g < kGates; ++g) store(to + g * kLanes, gate[g]);
}
// Of rows of the last unit vector: their W x, and their sums, which are kVectors a row.
template <class Phase, int kVectors>
__attribute__((noinline)) void unfold_rows(const ForwardStep& s, int64_t row, int64_t rows,
                                           int64_t panel, float* sums) {
  const int64_t rest = s.hidden - panel * kLanes;
  float* gates = s.gates + row * s.gate_stride + panel * Phase::kGates * kLanes;
  for (int64_t r = rows; r-- > 0;) {  // from the last one on: in place
    unfold<Phase::kGates>(sums + r * kVectors * kLanes, s.tail_lanes, rest,
                          sums + r * Phase::kGates * kLanes);
    unfold<Phase::kGates>(gates + r * s.gate_stride, s.tail_lanes, rest, gates + r * s.gate_stride);
  }
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
      return {(const typename E::Left*)s.operand, kRounded ? s.rounded_stride : s.left_stride};
  if constexpr (!kRounded) {
    return {Phase::kReadsExtra ? s.extra : s.h_prev, s.left_stride};
  } else {
    return {Phase::kReadsExtra ? s.rounded_extra : s.rounded_h, s.rounded_stride};
  }
}

template <class E, class Phase, bool kTraining, int kVectors>
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
      multiply_into<E, kVectors, kCount, kVectors>(sums, block.first, a, operand.stride, block.data,
                                                   0, block.turns, fetch);
    });
    if (block.last) {
      constexpr bool kShared = Phase::kUnits == 1 && kVectors < Phase::kGates;
      constexpr int64_t kFloats = kLanes * (kShared ? Phase::kGates : kVectors);
      if constexpr (kShared) unfold_rows<Phase, kVectors>(s, row, rows, block.panel, sums);
      forward_cells<Phase, kTraining>(s, row, rows, block.panel, sums, kFloats);
    }
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
  const int64_t turns = turns_of<E>(s.summands);
  const int64_t used = s.from_zero && !Phase::kReadsExtra ? 0 : turns;
  const int64_t units = s.stride / kLanes;
  const PanelOrder panels = {split(Tile::panels(units), place.members, place.member), s.turned};
  const auto* table = (const int32_t*)(weights + Tile::elements(units, turns));
  const auto row_of = [=](int64_t panel) -> const int32_t* {
    return table[0] ? table + 1 + panel * run_table_row<E>(turns) : nullptr;
  };
  const auto panel_at = [=](int64_t panel) {
    const int32_t* row = row_of(panel);
    return weights + (row ? row[1] : panel * turns) * Tile::kRowFloats;
  };
  const bool far = panels.count() * turns * kTurnBytes > kNearBytes;
  each_chunk(s.rows, Tile::kRows, place, [&](const Tiles& tiles) {
    // Blocks pay only where more than one tile meets them.
    const bool one_tile = tiles.first + tiles.step >= tiles.end;
    const int64_t even = one_tile || used == 0 ? 1 : (turns + kMaxTurns - 1) / kMaxTurns;
    for (int64_t i = 0; i < panels.count(); ++i) {
      const int64_t p = panels.at(i), vectors = Tile::vectors(p, units, s.tail_lanes);
      const bool end = i + 1 == panels.count();
      const int32_t* row = used > 0 ? row_of(p) : nullptr;
      const int64_t blocks = row ? row[0] : even;
      const auto* data = panel_at(p);
      for (int64_t b = 0; b < blocks; ++b) {
        const int64_t t0 = row ? row[2 + 2 * b] : used * b / blocks;
        const int64_t t1 = row ? row[3 + 2 * b] : used * (b + 1) / blocks;
        const bool last = b == blocks - 1, over = last && end;
        const auto* after = data + (t1 - t0) * vectors * kLanes;
        const auto* next = last ? panel_at(end ? p : panels.at(i + 1)) : after;
        const ForwardBlock<E> block = {
            p,
            data,
            t0,
            t1 - t0,
            b == 0,
            last,
            {(const char*)next, far && !over ? (t1 - t0) * kTurnBytes : 0}};
        with_rows<Tile::kVectors>(vectors, [&]<int kVectors>() __attribute__((always_inline)) {
          forward_tiles<E, Phase, kTraining, kVectors>(s, tiles, block, sums);
        });
        data = after;
      }
    }
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_FORWARD_STEP_H_

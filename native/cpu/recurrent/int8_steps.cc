// The forward steps of int8_step.h: one text for all cells, over a table of their phases.
#include "native/cpu/recurrent/forward_run.h"
#include "native/cpu/recurrent/int8_step.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Quantised rows of a thread, kInt8Rows for each tile of a chunk.
struct Int8Room {
  uint32_t* words;
  float* scales;
  int64_t stride, rows;  // rows: of a thread

  Int8Room of(const Place& place) const {
    const int64_t before = (place.group * place.members + place.member) * rows;
    return {words + before * stride, scales + before, stride, rows};
  }
};
bool take_int8_room(RnContext* ctx, const Layout& l, int64_t batch, Int8Room* out) {
  const int64_t turns = int8_turns(l.state > l.hidden ? l.state : l.hidden);
  const int64_t whole = tile_count(batch, kInt8Rows) * kInt8Rows;
  out->stride = round_up(turns, 16) + 16;
  out->rows = whole < kRowChunk ? whole : kRowChunk;
  const int64_t rows = out->rows * ctx->threads;
  out->words = (uint32_t*)scratch_floats(ctx, rows * (out->stride + 1));
  out->scales = (float*)(out->words + rows * out->stride);
  return out->words != nullptr;
}

// A phase, as one text of the steps serves all of them.
struct Int8Phase {
  int gates, units;
  bool reads_extra;
  // forward_cells; and unfold_rows of `vectors` vectors, fewer than there are gates.
  void (*cells)(const ForwardStep& s, int64_t row, int64_t rows, int64_t panel, float* sums,
                int64_t row_floats);
  void (*unfold[kInt8Vectors])(const ForwardStep& s, int64_t row, int64_t rows, int64_t panel,
                               float* sums);

  int64_t panels(int64_t of) const { return (of + units - 1) / units; }
  // As ForwardTile's.
  int64_t vectors(int64_t panel, int64_t of, int64_t tail_lanes) const {
    const int64_t left = of - panel * units;
    if (left > units) return gates * units;
    return (left - 1) * gates + (gates * tail_lanes + kLanes - 1) / kLanes;
  }
};
template <class Phase>
Int8Phase int8_phase() {
  Int8Phase phase = {
      Phase::kGates, Phase::kUnits, Phase::kReadsExtra, forward_cells<Phase, false>, {}};
  if constexpr (Phase::kUnits == 1 && Phase::kGates > 1) phase.unfold[1] = unfold_rows<Phase, 1>;
  if constexpr (Phase::kUnits == 1 && Phase::kGates > 2) phase.unfold[2] = unfold_rows<Phase, 2>;
  if constexpr (Phase::kUnits == 1 && Phase::kGates > 3) phase.unfold[3] = unfold_rows<Phase, 3>;
  return phase;
}
struct Int8Phases {
  int count;
  Int8Phase phase[kMostPhases];
};
template <class... Phase>
Int8Phases int8_phases(Phases<Phase...>) {
  return {sizeof...(Phase), {int8_phase<Phase>()...}};
}

// `weights`: pack_int8_phase's. `sums`: kSumFloats of this thread's.
void run_int8_phase(const Int8Phase& phase, const ForwardStep& s, const void* weights,
                    const Place& place, float* sums, const Int8Room& room) {
  const int64_t units = s.stride / kLanes, all = phase.panels(units);
  const PanelOrder panels = {split(all, place.members, place.member), s.turned};
  const Int8Matrix matrix = int8_matrix(weights, all, s.summands);
  const float* operand = phase.reads_extra ? s.extra : s.h_prev;
  each_chunk(s.rows, kInt8Rows, place, [&](const Tiles& tiles) {
    const auto each_tile = [&](const auto& body) {
      int64_t at = 0;
      for (int64_t tile = tiles.first; tile < tiles.end; tile += tiles.step, at += kInt8Rows) {
        const int64_t row = tiles.row(tile), next = tiles.row(tile + 1);
        body(row, (next < s.rows ? next : s.rows) - row, room.words + at * room.stride,
             room.scales + at);
      }
    };
    each_tile([&](int64_t row, int64_t rows, uint32_t* words, float* scales) {
      for (int64_t r = 0; r < rows; ++r)
        scales[r] =
            quantise_row(operand + (row + r) * s.left_stride, s.summands, words + r * room.stride);
    });
    for (int64_t i = 0; i < panels.count(); ++i) {
      const int64_t p = panels.at(i), vectors = phase.vectors(p, units, s.tail_lanes);
      const bool shared = phase.units == 1 && vectors < phase.gates;
      each_tile([&](int64_t row, int64_t rows, const uint32_t* words, const float* scales) {
        for (int64_t r = 0; r < rows; ++r) prefetch_row(s, row + r, p * phase.units, phase.units);
        multiply_int8(matrix, p, vectors, words, room.stride, scales, rows, sums);
        if (shared) phase.unfold[vectors](s, row, rows, p, sums);
        phase.cells(s, row, rows, p, sums, kLanes * (shared ? phase.gates : vectors));
      });
    }
  });
}

// `projection`: of the state, where there is one.
int32_t run_steps(RnContext* ctx, const StepShape& shape, const Int8Phases& phases,
                  const Int8Phase& projection, const Run& run, int64_t s0, int64_t s1, float* gates,
                  int64_t row0) {
  const Sequence& q = *run.sequence;
  const ScratchScope scope(ctx);
  Int8Room all = {};
  if (!take_int8_room(ctx, run.layout, q.batch, &all)) return RN_ERR_OUT_OF_MEMORY;
  return run_grid(ctx, shape, [&](const Place& place, float* sums, const auto& sync) {
    const Int8Room room = all.of(place);
    if (s0 == 0) {
      if (place.member == 0)
        each_chunk(q.batch, kInt8Rows, place, [&](const Tiles& tiles) {
          for (int64_t tile = tiles.first; tile < tiles.end; tile += tiles.step)
            start_rows(run, false, tiles.row(tile), tiles.row(tile + 1));
        });
      sync();
    }
    for (int64_t s = s0; s < s1; ++s) {
      const int64_t row = q.offset[q.time_of(s, run.direction)] - row0;
      const ForwardStep step = step_of(run, s, gates + row * run.layout.gate_stride, false);
      for (int i = 0; i < phases.count; ++i) {
        run_int8_phase(phases.phase[i], step, run.weights.recurrent[i], place, sums, room);
        sync();
      }
      if (!step.made) continue;
      run_int8_phase(projection, projecting(step, run.layout), run.weights.projection, place, sums,
                     room);
      sync();
    }
  });
}

template <class Cell>
int32_t run_cell(RnContext* ctx, const Run& run, int64_t s0, int64_t s1, float* gates,
                 int64_t row0) {
  using Phases = typename Cell::ForwardPhases;
  const Int8Phases phases = int8_phases(Phases());
  Int8Phase projection = {};
  if constexpr (Cell::kHasC) projection = int8_phase<typename ProjectionAfter<Phases>::Phase>();
  const Int8Phase& first = phases.phase[0];
  const StepShape shape = {
      run.sequence->batch, int8_turns(run.layout.state), first.panels(run.layout.units),
      kInt8Rows,           first.gates * first.units,    (int)sizeof(uint32_t),
      run.sequence->dense};
  return run_steps(ctx, shape, phases, projection, run, s0, s1, gates, row0);
}

}  // namespace

int32_t int8_forward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run, int64_t s0,
                           int64_t s1, float* gates, int64_t row0) {
  return with_cell(desc.cell, [&]<class Cell>() {
    return run_cell<Cell>(ctx, *(const Run*)run, s0, s1, gates, row0);
  });
}

}  // namespace rnnative::cpu::RN_ISA

// The forward steps of the recurrent stack and of the decoder: for each, the phases of the cell,
// shared out over the team (team.h).
#include "native/cpu/recurrent/steps.h"

#include "native/cpu/recurrent/forward_run.h"
#include "native/cpu/recurrent/projection.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// State rows as a step finds them: [N] rows in training. In inference h_prev holds two sets of [B]
// rows used in turn, c_prev and extra one; rows that join late find their initial state in both.
ForwardStep step_of(const Run& run, int64_t s, float* gates, bool training) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const int64_t t = q.time_of(s, run.direction), rows = q.active(t);
  const int64_t next = q.time_of(s + 1, run.direction), then = q.active(next);
  const Saved& state = run.state;
  ForwardStep step = {};
  step.rows = rows;
  step.turned = s & 1;
  step.continuing = then < rows ? then : rows;
  step.hidden = l.hidden;
  step.stride = l.stride;
  step.summands = l.state;
  step.left_stride = l.h_stride;
  step.gates = gates;
  step.gate_stride = l.gate_stride;
  step.tail_lanes = l.tail_lanes;
  step.from_zero = s == 0 && !run.h0;
  if (training) {
    const int64_t row = q.offset[t], row_next = then > 0 ? q.offset[next] : 0;
    const int64_t here = row * l.stride, there = row_next * l.stride;
    step.h_prev = state.h_prev + row * l.h_stride;
    step.h_next = state.h_prev + row_next * l.h_stride;
    step.c_prev = state.c_prev ? state.c_prev + here : nullptr;
    step.c_next = state.c_prev ? state.c_prev + there : nullptr;
    step.extra = state.extra ? state.extra + here : nullptr;
    step.made = state.made ? state.made + here : nullptr;
  } else {
    const int64_t half = q.batch * l.h_stride;
    step.h_prev = state.h_prev + (s & 1) * half;
    step.h_next = state.h_prev + (~s & 1) * half;
    step.c_prev = step.c_next = state.c_prev;
    step.extra = state.extra;
    step.made = state.made;
  }
  if (run.rounded) {
    const int64_t set = q.batch * run.rounded_stride;
    step.rounded_h = run.rounded + (s & 1) * set;
    step.rounded_h_next = run.rounded + (~s & 1) * set;
    step.rounded_extra = run.rounded + 2 * set;
    step.rounded_stride = run.rounded_stride;
  }
  step.zoneout = zoneout_at(run.phases, q.offset[t], l);
  step.variant = run.variant;
  step.recurrent_bias = run.weights.bias_apart;
  const bool by_batch_row = run.last && !q.dense;
  step.y_stride = run.y_stride;
  step.y = run.y + (run.last ? t * q.batch : q.offset[t]) * run.y_stride;
  step.y_order = by_batch_row ? q.order : nullptr;
  step.hn = run.hn;
  step.cn = run.cn;
  step.order = q.order;
  return step;
}

// Steps s0 .. s1 of the direction's order, whose W x + b lies in `gates`, packed rows from `row0`.
// kProjects: layers of the cell may.
template <class E, bool kTraining, bool kProjects, class... Phase>
int32_t run_steps(Phases<Phase...> phases, RnContext* ctx, const Run& run, int64_t s0, int64_t s1,
                  float* gates, int64_t row0) {
  const Sequence& q = *run.sequence;
  const StepShape shape = forward_shape<E>(phases, run.layout, q);
  return run_grid(ctx, shape, [&](const Place& place, float* sums, const auto& sync) {
    if (s0 == 0 && !run.started) {
      if (place.member == 0)
        each_chunk(q.batch, shape.tile_rows, place, [&](const Tiles& tiles) {
          for (int64_t tile = tiles.first; tile < tiles.end; tile += tiles.step)
            start_rows(run, kTraining, tiles.row(tile), tiles.row(tile + 1));
        });
      sync();
    }
    for (int64_t s = s0; s < s1; ++s) {
      const int64_t row = q.offset[q.time_of(s, run.direction)] - row0;
      ForwardStep step = step_of(run, s, gates + row * run.layout.gate_stride, kTraining);
      int i = 0;
      ((kTraining ? before_product<E, Phase>(run.phases, place, sync, &step) : void(),
        forward_phase<E, Phase, kTraining>(
            step, (const typename E::Right*)run.weights.recurrent[i++], place, sums),
        sync()),
       ...);
      if constexpr (kProjects)
        if (step.made) {
          project_step<E, Phases<Phase...>>(step, run.layout, run.weights.projection, place, sums);
          sync();
        }
    }
  });
}

}  // namespace

int32_t forward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run, bool training,
                      int64_t s0, int64_t s1, float* gates, int64_t row0) {
  const auto& of = *(const Run*)run;
  return with_element(desc.precision, [&]<class E>() {
    return with_cell(desc.cell, [&]<class Cell>() {
      const typename Cell::ForwardPhases phases;
      return training ? run_steps<E, true, Cell::kHasC>(phases, ctx, of, s0, s1, gates, row0)
                      : run_steps<E, false, Cell::kHasC>(phases, ctx, of, s0, s1, gates, row0);
    });
  });
}

}  // namespace rnnative::cpu::RN_ISA

// The forward steps of the recurrent stack and of the decoder: for each, the phases of the cell,
// shared out over the team (team.h).
#include "native/cpu/recurrent/steps.h"

#include "native/cpu/recurrent/forward_run.h"
#include "native/cpu/recurrent/projection.h"

namespace rnnative::cpu::RN_ISA {
namespace {

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
  if (desc.norm) return normed_forward_steps(ctx, desc, run, training, s0, s1, gates, row0);
  return with_element(desc.precision, [&]<class E>() {
    return with_cell(desc.cell, [&]<class Cell>() {
      const typename Cell::ForwardPhases phases;
      return training ? run_steps<E, true, Cell::kHasC>(phases, ctx, of, s0, s1, gates, row0)
                      : run_steps<E, false, Cell::kHasC>(phases, ctx, of, s0, s1, gates, row0);
    });
  });
}

}  // namespace rnnative::cpu::RN_ISA

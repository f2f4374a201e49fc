// The backward steps of the recurrent stack and of the decoder, as steps.cc has the
// forward ones.
#include "native/cpu/recurrent/backward_run.h"
#include "native/cpu/recurrent/backward_step.h"
#include "native/cpu/recurrent/projection.h"
#include "native/cpu/recurrent/steps.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Where step s keeps its rounded gradients.
struct RoundedWork {
  Bf16::Left *dgates, *dextra;
  int64_t gates_stride, extra_stride;
};
RoundedWork rounded_of(const BackwardRun& run, int64_t s) {
  const Layout& l = run.layout;
  const int64_t gates = turns_of<Bf16>(l.traits.gates * l.hidden);
  const int64_t extra = turns_of<Bf16>(l.state), row = (s & 1) * run.sequence->batch;
  Bf16::Left *dgates = run.work.rounded_dgates, *dextra = run.work.rounded_dextra;
  return {dgates ? dgates + row * gates : nullptr, dextra ? dextra + row * extra : nullptr, gates,
          extra};
}

BackwardStep step_of(const BackwardRun& run, int64_t s) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const RnRecurrentBackward& args = *run.args;
  const int64_t t = q.time_of(s, run.direction), row = q.offset[t];
  const int64_t then = q.active(q.time_of(s + 1, run.direction));
  const int64_t states = run.index * q.batch;
  const Saved& saved = run.saved;
  BackwardStep step = {};
  step.rows = q.active(t);
  step.turned = s & 1;
  step.continuing = then < step.rows ? then : step.rows;
  step.hidden = l.hidden;
  step.stride = l.stride;
  step.gates = saved.gates + row * l.gate_stride;
  step.gate_stride = l.gate_stride;
  step.h_prev = saved.h_prev + row * l.h_stride;
  step.c_prev = saved.c_prev ? saved.c_prev + row * l.stride : nullptr;
  step.extra = saved.extra ? saved.extra + row * l.stride : nullptr;
  step.dy = run.dy ? run.dy + (run.last ? t * q.batch : row) * l.width : nullptr;
  step.dy_stride = l.width;
  step.dy_order = run.last && !q.dense ? q.order : nullptr;
  step.dhn = args.dhn ? (const float*)args.dhn + states * l.state : nullptr;
  step.dcn = args.dcn ? (const float*)args.dcn + states * l.hidden : nullptr;
  step.order = q.order;
  step.dgates = run.work.dgates + row * l.traits.gates * l.hidden;
  step.dextra = run.work.dextra ? run.work.dextra + row * l.state : nullptr;
  step.phases = &run.phases;
  step.zoneout = zoneout_at(run.phases, row, l);
  step.variant = run.variant;
  step.carry_h = run.work.carry_h;
  step.carry_c = run.work.carry_c;
  const RoundedWork rounded = rounded_of(run, s);
  step.rounded_dgates = rounded.dgates;
  step.rounded_dextra = rounded.dextra;
  step.rounded_gates_stride = rounded.gates_stride;
  step.rounded_extra_stride = rounded.extra_stride;
  return step;
}

// The left operand of a product that reads the gradients of step s.
template <class E>
Product<E> product_of(const BackwardRun& run, const ProductSpec& spec, int64_t s,
                      const void* packed) {
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden, k = spec.gates * hidden;
  const auto* right = (const typename E::Right*)packed;
  if constexpr (E::kPrecision == RN_PRECISION_F32) {
    const int64_t t = q.time_of(s, run.direction);
    const Operand a = operand_of(run, spec, q.active(t) > 0 ? q.offset[t] : 0);
    return {a.data, a.ld, k, right};
  } else {
    const RoundedWork rounded = rounded_of(run, s);
    if (spec.extra) return {rounded.dextra, rounded.extra_stride, k, right};
    const int64_t before = turns_of<Bf16>(spec.first_gate * hidden);
    return {rounded.dgates + before, rounded.gates_stride, k, right};
  }
}

template <class E, class Phase>
void run_phase(const BackwardRun& run, const BackwardStep& step, int64_t s,
               const PhaseProducts& phase, const Place& place, float* sums) {
  const bool current = phase.specs[0].current;
  Product<E> products[2] = {};
  for (int i = 0; i < phase.count; ++i)
    products[i] = product_of<E>(run, phase.specs[i], current ? s : s + 1, phase.packed[i]);
  backward_phase<E, Phase>(step, products, current ? step.rows : step.continuing, place, sums);
}

// What the cell of a step gets where h is projected: the gradient of what it made, which is that of
// h times W_HR.
template <class E, class Phase>
void run_projected(const BackwardRun& run, const BackwardStep& step, int64_t s,
                   const PhaseProducts& phase, const Place& place, float* sums) {
  constexpr ProductSpec kOfH = {true, true, 0, 0};
  Product<E> product = product_of<E>(run, kOfH, s, phase.projection);
  product.k = run.layout.state;
  backward_phase<E, Phase>(below_projection(step), &product, step.rows, place, sums);
}

// Steps s1 - 1 down to s0 of the direction's order. kProjects: layers of the cell may.
template <class E, bool kProjects, class... Phase>
int32_t run_steps(Phases<Phase...>, RnContext* ctx, const BackwardRun& run,
                  const PhaseProducts* phases, int64_t s0, int64_t s1) {
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden;
  const StepShape shape = {q.batch,
                           turns_of<E>(run.layout.traits.gates * hidden),
                           (hidden + kPanel - 1) / kPanel,
                           kTileRows,
                           kPanelVectors,
                           sizeof(typename E::Right),
                           q.dense};
  return run_grid(ctx, shape, [&](const Place& place, float* sums, const auto& sync) {
    for (int64_t s = s1 - 1; s >= s0; --s) {
      const BackwardStep step = step_of(run, s);
      if constexpr (kProjects)
        if (run.layout.projects()) {
          run_phase<E, ProjectionGradient>(run, above_projection(step, run.layout), s, phases[0],
                                           place, sums);
          sync();
          (run_projected<E, Phase>(run, step, s, phases[0], place, sums), ...);
          sync();
          continue;
        }
      int i = 0;
      ((run_phase<E, Phase>(run, step, s, phases[i++], place, sums), sync()), ...);
    }
  });
}

}  // namespace

int32_t backward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run,
                       const void* phases, int64_t s0, int64_t s1) {
  return with_element(desc.precision, [&]<class E>() {
    return with_cell(desc.cell, [&]<class Cell>() {
      return run_steps<E, Cell::kHasC>(typename Cell::BackwardPhases(), ctx,
                                       *(const BackwardRun*)run, (const PhaseProducts*)phases, s0,
                                       s1);
    });
  });
}

}  // namespace rnnative::cpu::RN_ISA

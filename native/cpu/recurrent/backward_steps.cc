// The backward steps of the recurrent stack and of the decoder, as steps.cc has the
// forward ones.
#include "native/cpu/recurrent/backward_run.h"
#include "native/cpu/recurrent/backward_step.h"
#include "native/cpu/recurrent/projection.h"
#include "native/cpu/recurrent/steps.h"

namespace rnnative::cpu::RN_ISA {
namespace {

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
  if (desc.norm) return normed_backward_steps(ctx, desc, run, phases, s0, s1);
  return with_element(desc.precision, [&]<class E>() {
    return with_cell(desc.cell, [&]<class Cell>() {
      return run_steps<E, Cell::kHasC>(typename Cell::BackwardPhases(), ctx,
                                       *(const BackwardRun*)run, (const PhaseProducts*)phases, s0,
                                       s1);
    });
  });
}

}  // namespace rnnative::cpu::RN_ISA

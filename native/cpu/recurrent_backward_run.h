// One layer and direction, backward: its packed weights, work and steps.
#ifndef RNNATIVE_CPU_RECURRENT_BACKWARD_RUN_H_
#define RNNATIVE_CPU_RECURRENT_BACKWARD_RUN_H_

#include "native/cpu/recurrent_backward_step.h"
#include "native/cpu/recurrent_gradients.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <class Phase>
int products_of(RnContext* ctx, const BackwardRun& run, int first, PhaseProducts* out) {
  constexpr int kCount = sizeof(Phase::kProducts) / sizeof(ProductSpec);
  const RnRecurrentBackward& args = *run.args;
  const RnWeight& w = args.slots[run.index].w_hh;
  const int64_t hidden = run.layout.hidden;
  *out = {Phase::kProducts, kCount, {}};
  for (int i = 0; i < kCount; ++i) {
    const ProductSpec& spec = Phase::kProducts[i];
    const int64_t k = spec.gates * hidden;
    int32_t fresh = 0;
    void* packed = packed_weight(ctx, w, packed_kind(args.desc, kPackedBackward + first + i),
                                 packed_bytes(args.desc.precision, k, hidden), &fresh);
    if (!packed) return -1;
    if (fresh)
      pack_matrix(ctx, args.desc.precision,
                  (const float*)w.data + spec.first_gate * hidden * hidden, hidden, false, k,
                  hidden, nullptr, packed);
    out->packed[i] = packed;
  }
  return first + kCount;
}
template <class... Phase>
bool pack_products(Phases<Phase...>, RnContext* ctx, const BackwardRun& run, PhaseProducts* out) {
  int next = 0, i = 0;
  ((next = next < 0 ? -1 : products_of<Phase>(ctx, run, next, &out[i++])), ...);
  return next >= 0;
}

// Where step s keeps its rounded gradients.
struct RoundedWork {
  Bf16::Left *dgates, *dextra;
  int64_t gates_stride, extra_stride;
};
inline RoundedWork rounded_of(const BackwardRun& run, int64_t s) {
  const Layout& l = run.layout;
  const int64_t gates = turns_of<Bf16>(l.traits.gates * l.hidden);
  const int64_t extra = turns_of<Bf16>(l.hidden), row = (s & 1) * run.sequence->batch;
  Bf16::Left *dgates = run.work.rounded_dgates, *dextra = run.work.rounded_dextra;
  return {dgates ? dgates + row * gates : nullptr, dextra ? dextra + row * extra : nullptr, gates,
          extra};
}

inline BackwardStep step_of(const BackwardRun& run, int64_t s) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const RnRecurrentBackward& args = *run.args;
  const int64_t t = q.time_of(s, run.direction), row = q.offset[t];
  const int64_t then = q.active(q.time_of(s + 1, run.direction));
  const int64_t states = run.index * q.batch * l.hidden;
  const Saved& saved = run.saved;
  BackwardStep step = {};
  step.rows = q.active(t);
  step.continuing = then < step.rows ? then : step.rows;
  step.hidden = l.hidden;
  step.stride = l.stride;
  step.gates = saved.gates + row * l.gate_stride;
  step.gate_stride = l.gate_stride;
  step.h_prev = saved.h_prev + row * l.stride;
  step.c_prev = saved.c_prev ? saved.c_prev + row * l.stride : nullptr;
  step.extra = saved.extra ? saved.extra + row * l.stride : nullptr;
  step.dy = run.dy ? run.dy + (run.last ? t * q.batch : row) * l.width : nullptr;
  step.dy_stride = l.width;
  step.dy_order = run.last && !q.dense ? q.order : nullptr;
  step.dhn = args.dhn ? (const float*)args.dhn + states : nullptr;
  step.dcn = args.dcn ? (const float*)args.dcn + states : nullptr;
  step.order = q.order;
  step.dgates = run.work.dgates + row * l.traits.gates * l.hidden;
  step.dextra = run.work.dextra ? run.work.dextra + row * l.hidden : nullptr;
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

// Steps s1 - 1 down to s0 of the direction's order.
template <class E, class... Phase>
int32_t run_steps(Phases<Phase...>, RnContext* ctx, const BackwardRun& run,
                  const PhaseProducts* phases, int64_t s0, int64_t s1) {
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden;
  const StepShape shape = {q.batch,
                           turns_of<E>(run.layout.traits.gates * hidden),
                           (hidden + kPanel - 1) / kPanel,
                           kTileRows,
                           kPanelVectors,
                           sizeof(typename E::Right)};
  return run_grid(ctx, shape, [&](const Place& place, float* sums, const auto& sync) {
    for (int64_t s = s1 - 1; s >= s0; --s) {
      const BackwardStep step = step_of(run, s);
      int i = 0;
      ((run_phase<E, Phase>(run, step, s, phases[i++], place, sums), sync()), ...);
    }
  });
}

inline bool make_work(RnContext* ctx, const Layout& l, const Sequence& q, int32_t precision,
                      Work* out) {
  *out = {};
  out->dgates = scratch_floats(ctx, q.rows * l.traits.gates * l.hidden);
  out->dextra = l.traits.has_dextra ? scratch_floats(ctx, q.rows * l.hidden) : nullptr;
  out->carry_h = scratch_floats(ctx, 2 * q.batch * l.stride);
  out->carry_c = out->carry_h + q.batch * l.stride;
  if (!out->dgates || !out->carry_h || (l.traits.has_dextra && !out->dextra)) return false;
  if (precision == RN_PRECISION_F32) return true;
  const int64_t gates = 2 * q.batch * turns_of<Bf16>(l.traits.gates * l.hidden);
  const int64_t extra = l.traits.has_dextra ? 2 * q.batch * turns_of<Bf16>(l.hidden) : 0;
  out->rounded_dgates = (Bf16::Left*)scratch_floats(ctx, gates + extra);
  if (!out->rounded_dgates) return false;
  // Only the padding of an odd k must be zero, and stays so.
  memset(out->rounded_dgates, 0, (size_t)(gates + extra) * sizeof(Bf16::Left));
  if (extra > 0) out->rounded_dextra = out->rounded_dgates + gates;
  return true;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_BACKWARD_RUN_H_

// One layer and direction, backward: its packed weights and work. Its steps: steps.cc.
#ifndef RNNATIVE_CPU_RECURRENT_BACKWARD_RUN_H_
#define RNNATIVE_CPU_RECURRENT_BACKWARD_RUN_H_

#include "native/cpu/recurrent/gradients.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <class Phase>
int products_of(RnContext* ctx, const BackwardRun& run, int first, PhaseProducts* out) {
  constexpr int kCount = sizeof(Phase::kProducts) / sizeof(ProductSpec);
  const RnRecurrentBackward& args = *run.args;
  const RnWeight& w = args.slots[run.index].slot[RN_W_HH];
  const int64_t hidden = run.layout.hidden, state = run.layout.state;
  *out = {Phase::kProducts, kCount, {}, nullptr};
  for (int i = 0; i < kCount; ++i) {
    const ProductSpec& spec = Phase::kProducts[i];
    const int64_t k = spec.gates * hidden;
    int32_t fresh = 0;
    void* packed = packed_weight(ctx, w, packed_kind(args.desc, kPackedBackward + first + i),
                                 packed_bytes(args.desc.precision, k, state), &fresh);
    if (!packed) return -1;
    if (fresh)
      pack_matrix(ctx, args.desc.precision, (const float*)w.data + spec.first_gate * hidden * state,
                  state, false, k, state, nullptr, packed);
    out->packed[i] = packed;
  }
  return first + kCount;
}
// W_HR as the backward steps multiply by it. NULL: no memory.
inline const void* packed_projection(RnContext* ctx, const BackwardRun& run) {
  const RnRecurrentDesc& desc = run.args->desc;
  const RnWeight& w = run.args->slots[run.index].slot[RN_W_HR];
  int32_t fresh = 0;
  void* packed = packed_weight(ctx, w, packed_kind(desc, kPackedProjectionBackward),
                               packed_bytes(desc.precision, desc.state, desc.hidden), &fresh);
  if (packed && fresh)
    pack_matrix(ctx, desc.precision, (const float*)w.data, desc.hidden, false, desc.state,
                desc.hidden, nullptr, packed);
  return packed;
}
// With layer norm all gates are one product.
inline bool normed_products(RnContext* ctx, const BackwardRun& run, PhaseProducts* out) {
  static const ProductSpec kEach[] = {
      {false, false, 0, 1}, {false, false, 0, 2}, {false, false, 0, 3}, {false, false, 0, 4}};
  const Layout& l = run.layout;
  const ProductSpec* spec = &kEach[l.traits.gates - 1];
  const RnRecurrentDesc& desc = run.args->desc;
  const RnWeight& w = run.args->slots[run.index].slot[RN_W_HH];
  const int64_t k = spec->gates * l.hidden;
  int32_t fresh = 0;
  void* packed = packed_weight(ctx, w, packed_kind(desc, kPackedBackward),
                               packed_bytes(desc.precision, k, l.state), &fresh);
  if (packed && fresh)
    pack_matrix(ctx, desc.precision, (const float*)w.data, l.state, false, k, l.state, nullptr,
                packed);
  *out = {spec, 1, {packed, nullptr}, nullptr};
  return packed != nullptr;
}
template <class... Phase>
bool pack_products(Phases<Phase...>, RnContext* ctx, const BackwardRun& run, PhaseProducts* out) {
  if (run.layout.norm) {
    if (!normed_products(ctx, run, out)) return false;
    out[0].projection = run.layout.projects() ? packed_projection(ctx, run) : nullptr;
    return !run.layout.projects() || out[0].projection;
  }
  int next = 0, i = 0;
  ((next = next < 0 ? -1 : products_of<Phase>(ctx, run, next, &out[i++])), ...);
  if (next >= 0 && run.layout.projects()) {
    out[0].projection = packed_projection(ctx, run);
    return out[0].projection != nullptr;
  }
  return next >= 0;
}

inline bool make_norm_work(RnContext* ctx, const Layout& l, const Sequence& q, Work* out) {
  out->raw_x = scratch_floats(ctx, q.rows * l.traits.gates * l.hidden);
  out->raw_h = scratch_floats(ctx, q.rows * l.traits.gates * l.hidden);
  if (!out->raw_x || !out->raw_h) return false;
  if (!l.traits.has_c) return true;
  out->dseen = scratch_floats(ctx, q.rows * l.stride);
  out->dseen_hat = scratch_floats(ctx, q.rows * l.stride);
  return out->dseen && out->dseen_hat;
}
inline bool make_work(RnContext* ctx, const Layout& l, const Sequence& q, int32_t precision,
                      Work* out) {
  *out = {};
  out->dgates = scratch_floats(ctx, q.rows * l.traits.gates * l.hidden);
  const bool extra = l.traits.has_dextra || l.projects();
  out->dextra = extra ? scratch_floats(ctx, q.rows * l.state) : nullptr;
  out->carry_h = scratch_floats(ctx, 2 * q.batch * l.stride);
  out->carry_c = out->carry_h + q.batch * l.stride;
  if (!out->dgates || !out->carry_h || (extra && !out->dextra)) return false;
  if (l.norm) return make_norm_work(ctx, l, q, out);
  if (precision == RN_PRECISION_F32) return true;
  const int64_t gates = 2 * q.batch * turns_of<Bf16>(l.traits.gates * l.hidden);
  const int64_t more = extra ? 2 * q.batch * turns_of<Bf16>(l.state) : 0;
  out->rounded_dgates = (Bf16::Left*)scratch_floats(ctx, gates + more);
  if (!out->rounded_dgates) return false;
  // Only the padding of an odd k must be zero, and stays so.
  memset(out->rounded_dgates, 0, (size_t)(gates + more) * sizeof(Bf16::Left));
  if (extra) out->rounded_dextra = out->rounded_dgates + gates;
  return true;
}

// Where step s keeps its rounded gradients.
struct RoundedWork {
  Bf16::Left *dgates, *dextra;
  int64_t gates_stride, extra_stride;
};
inline RoundedWork rounded_of(const BackwardRun& run, int64_t s) {
  const Layout& l = run.layout;
  const int64_t gates = turns_of<Bf16>(l.traits.gates * l.hidden);
  const int64_t extra = turns_of<Bf16>(l.state), row = (s & 1) * run.sequence->batch;
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

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_BACKWARD_RUN_H_

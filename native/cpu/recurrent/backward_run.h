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
template <class... Phase>
bool pack_products(Phases<Phase...>, RnContext* ctx, const BackwardRun& run, PhaseProducts* out) {
  int next = 0, i = 0;
  ((next = next < 0 ? -1 : products_of<Phase>(ctx, run, next, &out[i++])), ...);
  if (next >= 0 && run.layout.projects()) {
    out[0].projection = packed_projection(ctx, run);
    return out[0].projection != nullptr;
  }
  return next >= 0;
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

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_BACKWARD_RUN_H_

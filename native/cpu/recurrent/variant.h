// What a cell with options reads beside its products, forward and backward, and the gradients of
// its peepholes.
#ifndef RNNATIVE_CPU_RECURRENT_VARIANT_H_
#define RNNATIVE_CPU_RECURRENT_VARIANT_H_

#include "native/cpu/core/parallel.h"
#include "native/cpu/recurrent/cells.h"
#include "native/cpu/recurrent/layout.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// False: no memory.
template <class Cell>
bool take_variant(RnContext* ctx, const RnRecurrentDesc& desc, const RnRecurrentSlots& slots,
                  const Layout& l, CellVariant* out) {
  if constexpr (Cell::kOptions) *out = {&desc.options, nullptr};
  if constexpr (Cell::kPeepholes) {
    float* peepholes = scratch_floats(ctx, RN_PEEPHOLES * l.stride);
    if (!peepholes) return false;
    memset(peepholes, 0, (size_t)(RN_PEEPHOLES * l.stride) * sizeof(float));
    for (int k = 0; k < RN_PEEPHOLES; ++k)
      if (const void* from = slots.slot[RN_P_I + k].data)
        memcpy(peepholes + k * l.stride, from, (size_t)l.hidden * sizeof(float));
    out->peepholes = peepholes;
  }
  return true;
}

// A unit vector of one packed row, as CellMath::state reads it.
template <class Cell>
struct KeptUnit {
  const float* gates;
  const float* c_before;
  const RnCellOptions* by;

  RN_INLINE vf gate(int gate) const { return load(gates + gate * kLanes); }
  RN_INLINE vf c() const { return load(c_before); }
  RN_INLINE const RnCellOptions& options() const { return *by; }
};

// Sums over the N real tokens, in packed order: each thread has units of its own.
// `dgates` [N, G * H], grads: of P_I, P_F, P_O.
template <class Cell>
void peephole_gradients(RnContext* ctx, const CellVariant& variant, const Layout& l,
                        const Saved& saved, const float* dgates, int64_t tokens,
                        const RnGrad* grads) {
  bool any = false;
  for (int k = 0; k < RN_PEEPHOLES; ++k) any |= grads[k].mode != RN_GRAD_SKIP;
  if (!any) return;
  parallel_for(ctx, l.units, 65536 / (tokens * kLanes + 1), [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      vf sums[RN_PEEPHOLES] = {};
      for (int64_t row = 0; row < tokens; ++row) {
        const KeptUnit<Cell> u = {saved.gates + row * l.gate_stride + unit * Cell::kGates * kLanes,
                                  saved.c_prev + row * l.stride + unit * kLanes, variant.options};
        const float* d = dgates + row * Cell::kGates * l.hidden;
        const vf before = u.c(), after = Cell::state(u);
        for (int k = 0; k < RN_PEEPHOLES; ++k)
          sums[k] = fma(load_units(d + Cell::peephole_gate(k) * l.hidden, unit, l.hidden),
                        k == RN_PEEPHOLES - 1 ? after : before, sums[k]);
      }
      for (int k = 0; k < RN_PEEPHOLES; ++k) {
        if (grads[k].mode == RN_GRAD_SKIP) continue;
        float* to = (float*)grads[k].data;
        const bool add = grads[k].mode == RN_GRAD_ADD;
        store_units(to, unit, l.hidden, add ? load_units(to, unit, l.hidden) + sums[k] : sums[k]);
      }
    }
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_VARIANT_H_

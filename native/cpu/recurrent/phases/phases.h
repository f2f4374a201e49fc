// The phases that a step may have beside its cell's (RN_PHASES), as the steps meet them: what each
// needs is made once for a layer and direction, and wherever one may act, the steps call what is
// below. A new phase is a file beside this one and a line wherever it takes part.
#ifndef RNNATIVE_CPU_RECURRENT_PHASES_PHASES_H_
#define RNNATIVE_CPU_RECURRENT_PHASES_PHASES_H_

#include "native/cpu/recurrent/phases/state_dropout.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Of a layer and direction; zeros where it has none.
struct StepPhases {
  const float* masks;  // state dropout's
  void* operand;  // forward: what R is applied to in place of the cell's, a row for each of [B]
  Zoneout zoneout;
};

// Rows of a forward product's left operand, as E has them, zero past P. NULL: no memory.
template <class E>
typename E::Left* operand_rows(RnContext* ctx, const Sequence& q, int64_t stride) {
  const size_t bytes = (size_t)(q.batch * stride) * sizeof(typename E::Left);
  void* rows = ctx->scratch(ctx->runtime, bytes);
  if (rows) memset(rows, 0, bytes);
  return (typename E::Left*)rows;
}

// Forward. `rounded_stride`: between rounded rows, with bf16. False: no memory.
inline bool start_phases(RnContext* ctx, const RnRecurrentDesc& desc, const Sequence& q,
                         const Layout& l, int64_t run, int64_t rounded_stride, StepPhases* out) {
  if (desc.phases == 0) return true;
  if (!start_zoneout(ctx, desc, q, run, l.h_stride, l.stride, false, &out->zoneout)) return false;
  if (!state_masks(ctx, desc, q, l, run, &out->masks)) return false;
  if (!out->masks) return true;
  const int32_t precision = l.norm ? RN_PRECISION_F32 : desc.precision;
  out->operand = with_element(precision, [&]<class E>() {
    const bool rounded = E::kPrecision == RN_PRECISION_BF16;
    return (void*)operand_rows<E>(ctx, q, rounded ? rounded_stride : l.h_stride);
  });
  return out->operand != nullptr;
}
inline bool start_phases_backward(RnContext* ctx, const RnRecurrentDesc& desc, const Sequence& q,
                                  const Layout& l, int64_t run, StepPhases* out) {
  return desc.phases == 0 ||
         (start_zoneout(ctx, desc, q, run, l.h_stride, l.stride, true, &out->zoneout) &&
          state_masks(ctx, desc, q, l, run, &out->masks));
}

// What zoneout keeps in a step whose first row is packed row `row`.
inline Zoneout zoneout_at(const StepPhases& phases, int64_t row, const Layout& l) {
  return {phases.zoneout.h.from(row * l.h_stride), phases.zoneout.c.from(row * l.stride)};
}

// Before a product of a forward step of a run that trains: its left operand. sync() is the barrier
// of the group.
template <class E, class Phase, class Sync>
RN_INLINE void before_product(const StepPhases& phases, const Place& place, const Sync& sync,
                              ForwardStep* step) {
  if (!phases.masks) return;
  mask_operand<E, Phase>(*step, phases.masks, place, (typename E::Left*)phases.operand);
  step->operand = phases.operand;
  sync();
}

// After a product of a backward step: a tile's sums, the gradient of the operand, become that of
// the cell's own.
RN_INLINE void after_product(const StepPhases* phases, int64_t stride, int64_t row, int64_t rows,
                             int64_t unit, int64_t vectors, float* sums) {
  if (phases && phases->masks) mask_sums(phases->masks, stride, row, rows, unit, vectors, sums);
}
// The same for the products that reach the states before the first steps: dh [rows, P].
inline void after_last_product(const StepPhases& phases, const Layout& l, int64_t rows, float* dh) {
  for (int64_t r = 0; phases.masks && r < rows; ++r)
    for (int64_t i = 0; i < l.state; ++i) dh[r * l.state + i] *= phases.masks[r * l.h_stride + i];
  const float* passed = phases.zoneout.h.passed;
  for (int64_t r = 0; passed && r < rows; ++r)
    for (int64_t i = 0; i < l.state; ++i) dh[r * l.state + i] += passed[r * l.h_stride + i];
}

// What R was applied to, for all tokens, from the cell's own x [N, h_stride]. NULL: no memory.
inline const float* applied_to(RnContext* ctx, const StepPhases& phases, const Sequence& q,
                               const Layout& l, const float* x) {
  return phases.masks ? masked_tokens(ctx, q, l, phases.masks, x) : x;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_PHASES_PHASES_H_

// Forward steps in int8 (gemm/int8.h), of inference: rows of the left operand are quantised by each
// thread that multiplies them, and a tile's sums, scaled, pass into the cell as those of other
// precisions do.
#ifndef RNNATIVE_CPU_RECURRENT_INT8_STEP_H_
#define RNNATIVE_CPU_RECURRENT_INT8_STEP_H_

#include "native/cpu/gemm/int8.h"
#include "native/cpu/recurrent/projection.h"

namespace rnnative::cpu::RN_ISA {

// As forward_steps (steps.h).
int32_t int8_forward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run, int64_t s0,
                           int64_t s1, float* gates, int64_t row0);

namespace {

// Packs R [G * H, P] for a phase, or finds it packed. NULL: no memory.
template <class Phase>
const void* pack_int8_phase(RnContext* ctx, const RnWeight& w, uint32_t kind, const Layout& l) {
  using Tile = ForwardTile<Phase>;
  const int64_t panels = Tile::panels(l.units);
  int32_t fresh = 0;
  void* packed =
      ctx->packed(ctx->runtime, w.id, w.version, kind, int8_bytes(panels, l.state), &fresh);
  if (!packed || !fresh) return packed;
  const float* first = (const float*)w.data + Phase::kFirstGate * l.hidden * l.state;
  const Int8Source source = {first, l.state, 0, l.state};
  parallel_for(ctx, panels, 65536 / (l.state * Tile::kRowFloats + 1), [&](int64_t p0, int64_t p1) {
    for (int64_t p = p0; p < p1; ++p) {
      int64_t rows[Tile::kRowFloats];
      const int64_t count = Tile::vectors(p, l.units, l.tail_lanes) * kLanes;
      for (int64_t j = 0; j < count; ++j) {
        const int64_t v = j / kLanes;
        rows[j] = l.row_at(Phase::kGates, p * Phase::kUnits + v / Phase::kGates,
                           v % Phase::kGates * kLanes + j % kLanes);
      }
      pack_int8_panel(source, rows, count, p, panels, packed);
    }
  });
  return packed;
}

template <class... Phase>
bool pack_int8_phases(Phases<Phase...>, RnContext* ctx, const RnRecurrentDesc& desc,
                      const RnWeight& w, const Layout& l, Weights* out) {
  int i = 0;
  bool enough = true;
  ((out->recurrent[i] = pack_int8_phase<Phase>(ctx, w, packed_kind(desc, kPackedForward + i), l),
    enough &= !!out->recurrent[i], ++i),
   ...);
  return enough;
}

// W_IH unless it is absent, W_HH and W_HR of a layer and direction. False: no memory.
template <class Cell>
bool pack_int8_weights(RnContext* ctx, const RnRecurrentDesc& desc, const RnRecurrentSlots& slots,
                       int64_t in, const Layout& l, Weights* out) {
  const RnWeight& input = slots.slot[RN_W_IH];
  if (input.data) {
    const int64_t panels = (l.columns() + kInt8Columns - 1) / kInt8Columns;
    int32_t fresh = 0;
    void* packed =
        packed_weight(ctx, input, packed_kind(desc, kPackedInput), int8_bytes(panels, in), &fresh);
    int32_t* columns = (int32_t*)scratch_floats(ctx, l.columns());
    if (!packed || !columns) return false;
    const int64_t gates = l.traits.gates, per = gates * kLanes;
    for (int64_t j = 0; j < l.columns(); ++j)
      columns[j] = (int32_t)l.row_at(gates, j / per, j % per);
    if (fresh) pack_int8(ctx, {(const float*)input.data, in, 0, in}, l.columns(), columns, packed);
    out->input = packed;
  }
  typename Cell::ForwardPhases phases;
  if (!pack_int8_phases(phases, ctx, desc, slots.slot[RN_W_HH], l, out)) return false;
  if constexpr (Cell::kHasC)
    if (l.projects()) {
      using Phase = typename ProjectionAfter<typename Cell::ForwardPhases>::Phase;
      out->projection = pack_int8_phase<Phase>(
          ctx, slots.slot[RN_W_HR], packed_kind(desc, kPackedProjection), projection_layout(l));
      return out->projection != nullptr;
    }
  return true;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_INT8_STEP_H_

// Variational dropout of the state (RnRecurrentDesc), for every cell: R is applied to m v in place
// of v. Forward, what a product reads is masked once for all of a group's members before the
// product, which then reads the copy; what the cells themselves read stays as it is. Backward, a
// product's sums are the gradient of m v: they pass the mask before the cell sees them. R's
// gradient is against m v, formed again for all tokens at once.
#ifndef RNNATIVE_CPU_RECURRENT_PHASES_STATE_DROPOUT_H_
#define RNNATIVE_CPU_RECURRENT_PHASES_STATE_DROPOUT_H_

#include "native/cpu/recurrent/dropout.h"
#include "native/cpu/recurrent/layout.h"
#include "native/cpu/recurrent/tile.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// The masks [B, h_stride] of a layer and direction, `run` among all, by sorted row, zero past P.
// NULL where the phase is not there; false: no memory.
inline bool state_masks(RnContext* ctx, const RnRecurrentDesc& desc, const Sequence& q,
                        const Layout& l, int64_t run, const float** out) {
  const double p = desc.amounts[RN_PHASE_STATE_DROPOUT];
  *out = nullptr;
  if (p <= 0) return true;
  float* masks = scratch_floats(ctx, q.batch * l.h_stride);
  if (!masks) return false;
  const int stream = (int)rn_phase_stream(&desc, RN_PHASE_STATE_DROPOUT);
  parallel_for(ctx, q.batch, 4096 / l.h_stride + 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      float* row = masks + r * l.h_stride;
      for (int64_t i = 0; i < l.h_stride; ++i) row[i] = i < l.state ? 1.0f : 0.0f;
      drop_row(desc.random, stream, (uint64_t)q.order[r], run * l.state, l.state, drop_threshold(p),
               drop_scale(p), row);
    }
  });
  *out = masks;
  return true;
}

// Writes the left operand of a forward product, for the rows of a group, its members sharing the
// units.
template <class E, class Phase>
void mask_operand(const ForwardStep& s, const float* masks, const Place& place,
                  typename E::Left* out) {
  const float* from = Phase::kReadsExtra ? s.extra : s.h_prev;
  const Range units = split(s.left_stride / kLanes, place.members, place.member);
  each_chunk(s.rows, kAccumulators / (Phase::kGates * Phase::kUnits), place,
             [&](const Tiles& tiles) {
               for (int64_t tile = tiles.first; tile < tiles.end; tile += tiles.step) {
                 const int64_t next = tiles.row(tile + 1), end = next < s.rows ? next : s.rows;
                 for (int64_t row = tiles.row(tile); row < end; ++row)
                   for (int64_t unit = units.begin; unit < units.end; ++unit) {
                     const int64_t at = row * s.left_stride + unit * kLanes;
                     const vf x = load(from + at) * load(masks + at);
                     if constexpr (E::kPrecision == RN_PRECISION_F32) {
                       store(out + at, x);
                     } else {
                       store_rounded(out + row * s.rounded_stride, 0, unit, s.summands, x);
                     }
                   }
               }
             });
}

// A tile's sums [rows, vectors], units from `unit` on, pass the masks.
RN_INLINE void mask_sums(const float* masks, int64_t stride, int64_t row, int64_t rows,
                         int64_t unit, int64_t vectors, float* sums) {
  const int64_t rest = stride / kLanes - unit, count = rest < vectors ? rest : vectors;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < count; ++u) {
      float* at = sums + (r * vectors + u) * kLanes;
      store(at, load(at) * load(masks + (row + r) * stride + (unit + u) * kLanes));
    }
}

// x [N, h_stride] of all tokens, masked. NULL: no memory.
inline const float* masked_tokens(RnContext* ctx, const Sequence& q, const Layout& l,
                                  const float* masks, const float* x) {
  float* out = scratch_floats(ctx, q.rows * l.h_stride);
  if (!out) return nullptr;
  parallel_for(ctx, q.steps, 16384 / (q.batch * l.h_stride + 1), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* from = x + q.offset[t] * l.h_stride;
      float* to = out + q.offset[t] * l.h_stride;
      for (int64_t i = 0; i < q.active(t) * l.h_stride; i += kLanes)
        store(to + i, load(from + i) * load(masks + i));
    }
  });
  return out;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_PHASES_STATE_DROPOUT_H_

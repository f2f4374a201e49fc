// Layer norm inside the cells (RnRecurrentDesc). A row's sums are needed whole, so a step is a
// product for all rows and then a pass over each row: its sums normalised, the cell, c' normalised,
// h. Gains and what is kept lie as the cells' gates do, [unit vector][gate][kLanes], zero past H.
#ifndef RNNATIVE_CPU_RECURRENT_NORM_NORM_H_
#define RNNATIVE_CPU_RECURRENT_NORM_NORM_H_

#include <math.h>

#include "native/cpu/core/parallel.h"
#include "native/cpu/recurrent/layout.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct NormWeights {
  const float *ih, *hh;     // [gate_stride] gains of W x and R h
  const float* bias;        // [gate_stride] forward: added after them
  const float *c, *c_bias;  // [stride], or NULL without a c
  RnWeight w_hr;
  int first;  // gates that are normalised together
};

// False: no memory.
inline bool take_norm(RnContext* ctx, const RnRecurrentDesc& desc, const RnRecurrentSlots& slots,
                      const Layout& l, NormWeights* out) {
  *out = {};
  if (!l.norm) return true;
  const int64_t floats = 2 * (l.gate_stride + l.stride);
  float* room = scratch_floats(ctx, floats);
  if (!room) return false;
  memset(room, 0, (size_t)floats * sizeof(float));
  float *ih = room, *hh = ih + l.gate_stride, *c = hh + l.gate_stride, *c_bias = c + l.stride;
  const auto* of_x = (const float*)slots.slot[RN_N_IH].data;
  const auto* of_h = (const float*)slots.slot[RN_N_HH].data;
  for (int64_t g = 0; g < l.traits.gates; ++g)
    for (int64_t unit = 0; unit < l.hidden; ++unit) {
      ih[l.column(g, unit)] = of_x[g * l.hidden + unit];
      hh[l.column(g, unit)] = of_h[g * l.hidden + unit];
    }
  *out = {ih, hh, nullptr, nullptr, nullptr, slots.slot[RN_W_HR], rn_cell(desc.cell)->normed};
  if (!l.traits.has_c) return true;
  memcpy(c, slots.slot[RN_N_C].data, (size_t)l.hidden * sizeof(float));
  memcpy(c_bias, slots.slot[RN_N_C_BIAS].data, (size_t)l.hidden * sizeof(float));
  out->c = c;
  out->c_bias = c_bias;
  return true;
}

// Gates first .. end of a row that has `gates` of them, or of one of one vector of units.
struct Block {
  int64_t gates, first, end, units, hidden;

  int64_t count() const { return (end - first) * hidden; }
  // body(offset, unit vector, gate): values past H are to count as zeros.
  template <class Body>
  RN_INLINE void each(const Body& body) const {
    for (int64_t unit = 0; unit < units; ++unit)
      for (int64_t g = first; g < end; ++g) body((unit * gates + g) * kLanes, unit, g);
  }
  // Zeros past H.
  RN_INLINE vf real(vf x, int64_t unit) const {
    const int64_t rest = hidden - unit * kLanes;
    if (rest >= kLanes) return x;
    float lanes[kLanes];
    store(lanes, x);
    return load_first(lanes, rest);
  }
};
inline Block block_of(const Layout& l, const NormWeights& w, int which) {
  const int64_t gates = l.traits.gates;
  return {gates, which == 0 ? 0 : w.first, which == 0 ? w.first : gates, l.units, l.hidden};
}
inline int blocks_of(const Layout& l, const NormWeights& w) {
  return w.first < l.traits.gates ? 2 : 1;
}
inline Block block_of_c(const Layout& l) {
  return {1, 0, 1, l.units, l.hidden};
}

struct Moments {
  float mean, scale;
};
inline Moments moments_of(const Block& block, const float* row) {
  vf total = zero();
  block.each(
      [&](int64_t at, int64_t unit, int64_t) { total = total + block.real(load(row + at), unit); });
  const float mean = sum(total) / (float)block.count();
  total = zero();
  block.each([&](int64_t at, int64_t unit, int64_t) {
    const vf d = block.real(load(row + at) - mean, unit);
    total = fma(d, d, total);
  });
  const float variance = sum(total) / (float)block.count();
  return {mean, 1.0f / sqrtf(variance + (float)RN_NORM_EPSILON)};
}

// The gradient of values from d_hat(at, unit, gate), that of what they were normalised to, `hat`.
template <class Of, class Put>
RN_INLINE void normalise_backward(const Block& block, const float* hat, float scale,
                                  const Of& d_hat, const Put& put) {
  vf total = zero(), along = zero();
  block.each([&](int64_t at, int64_t unit, int64_t g) {
    const vf d = block.real(d_hat(at, unit, g), unit);
    total = total + d;
    along = fma(d, block.real(load(hat + at), unit), along);
  });
  const float mean = sum(total) / (float)block.count(), slope = sum(along) / (float)block.count();
  block.each([&](int64_t at, int64_t unit, int64_t g) {
    put(at, unit, g, scale * (d_hat(at, unit, g) - mean - slope * load(hat + at)));
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_NORM_NORM_H_

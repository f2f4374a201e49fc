// Sizes of the recurrent stack, and where its reserve keeps what. The reserve is sized for T * B
// rows; a ragged batch uses the first N packed rows of each array.
#ifndef RNNATIVE_CPU_RECURRENT_LAYOUT_H_
#define RNNATIVE_CPU_RECURRENT_LAYOUT_H_

#include "native/abi/backend.h"
#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct CellTraits {
  int gates;
  bool has_c, has_extra;
  bool has_dextra;  // the last gate's recurrent term has a gradient that b_ih does not share
};
template <class Cell>
constexpr CellTraits traits_of() {
  return {Cell::kGates, Cell::kHasC, Cell::kHasExtra, Cell::kApart >= 0};
}

// Arrays saved for a layer and direction; rows are packed rows (recurrent_sequence.h).
struct Saved {
  float* gates;   // [N, unit vectors, G, kLanes] activations
  float* h_prev;  // [N, stride] the state before the step
  float* c_prev;  // [N, stride] or NULL
  float* extra;   // [N, stride] or NULL: see the cell's file
};

struct Layout {
  int64_t rows, hidden, layers, directions;
  int64_t units;        // unit vectors: H / kLanes, rounded up
  int64_t stride;       // units * kLanes
  int64_t gate_stride;  // G * stride
  int64_t width;        // directions * H: a layer's output
  CellTraits traits;

  int64_t array(int64_t row_floats) const { return round_up(rows * row_floats, 16); }
  int64_t run_floats() const {
    return array(gate_stride) + array(stride) * (1 + traits.has_c + traits.has_extra);
  }
  int64_t floats() const {
    return layers * directions * run_floats() + (layers - 1) * array(width);
  }
  Saved saved(float* reserve, int64_t run) const {
    float* p = reserve + run * run_floats();
    Saved s = {p, p + array(gate_stride), nullptr, nullptr};
    p = s.h_prev + array(stride);
    if (traits.has_c) {
      s.c_prev = p;
      p += array(stride);
    }
    if (traits.has_extra) s.extra = p;
    return s;
  }
  // [N, directions * H], dropout applied: the next layer's input. Every layer but the last has one.
  float* output(float* reserve, int64_t layer) const {
    return reserve + layers * directions * run_floats() + layer * array(width);
  }
};

inline Layout make_layout(const RnRecurrentDesc& d, const CellTraits& traits) {
  const int64_t units = (d.hidden + kLanes - 1) / kLanes;
  return {d.time * d.batch,
          d.hidden,
          d.layers,
          d.directions,
          units,
          units * kLanes,
          traits.gates * units * kLanes,
          d.directions * d.hidden,
          traits};
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_LAYOUT_H_

// Sizes of the recurrent stack, and where its reserve keeps what. The reserve is sized for T * B
// rows; a ragged batch uses the first N packed rows of each array.
//
// The last unit vector is rarely full, and its empty lanes would be multiplied for nothing: at H =
// 200, half of a vector for each gate is 4% of all products. Where its units need at most half or a
// quarter of the lanes, two or four of its gates share a vector while they are products, in the
// packed weights, W x, R h and the biases:
//   [i0 .. i7 f0 .. f7] [g0 .. g7 o0 .. o7]
// (Not with layer norm, which takes sums apart.) The cells find each gate in a vector of its own,
// as everywhere (forward_step.h, unfold).
#ifndef RNNATIVE_CPU_RECURRENT_LAYOUT_H_
#define RNNATIVE_CPU_RECURRENT_LAYOUT_H_

#include "native/abi/backend.h"
#include "native/cpu/recurrent/cell.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct CellTraits {
  int gates;
  bool has_c, has_extra;
  bool has_dextra;      // the last gate's recurrent term has a gradient that b_ih does not share
  bool shares_vectors;  // gates may; not where they meet in different phases, or several unit
                        // vectors in a tile
};
template <class First, class... Rest>
constexpr bool share_vectors(Phases<First, Rest...>) {
  return sizeof...(Rest) == 0 && First::kUnits == 1;
}
template <class Cell>
constexpr CellTraits traits_of() {
  return {Cell::kGates, Cell::kHasC, Cell::kHasExtra, Cell::kApart >= 0,
          share_vectors(typename Cell::ForwardPhases())};
}

// Arrays saved for a layer and direction; rows are packed rows (sequence.h).
struct Saved {
  float* gates;   // [N, unit vectors, G, kLanes] activations
  float* h_prev;  // [N, h_stride] the state before the step
  float* c_prev;  // [N, stride] or NULL
  float* extra;   // [N, stride] or NULL: see the cell's file
  float* made;    // [N, stride] or NULL: ForwardStep's
  // Layer norm's (norm/norm.h), else NULL: [N, gate_stride] W x and R h, normalised, and what each
  // row's sums were multiplied by, [N, kNormScales].
  float *x_hat, *h_hat, *scales;
};
constexpr int kNormScales = 4;

struct Layout {
  int64_t rows, hidden, layers, directions;
  int64_t state;        // P: features of h
  int64_t units;        // unit vectors: H / kLanes, rounded up
  int64_t stride;       // units * kLanes
  int64_t h_stride;     // P, padded likewise
  int64_t gate_stride;  // G * stride
  int64_t tail_lanes;   // from gate to gate in the last unit vector's products: kLanes, or a part
  int64_t width;        // directions * P: a layer's output
  CellTraits traits;
  bool norm;

  bool projects() const { return state != hidden; }
  int64_t lanes(int64_t vector) const { return vector == units - 1 ? tail_lanes : kLanes; }
  // Of W x, biases included: where a gate of a unit is, and how many columns there are.
  int64_t column(int64_t gate, int64_t unit) const {
    const int64_t vector = unit / kLanes;
    return vector * traits.gates * kLanes + gate * lanes(vector) + unit % kLanes;
  }
  int64_t columns() const {
    return (units - 1) * traits.gates * kLanes + round_up(traits.gates * tail_lanes, kLanes);
  }
  // The row of a weight of `gates` gates whose product lies `place` floats after the first of a
  // unit vector's; -1: nothing does.
  int64_t row_at(int64_t gates, int64_t vector, int64_t place) const {
    const int64_t gate = place / lanes(vector), unit = vector * kLanes + place % lanes(vector);
    return gate < gates && unit < hidden ? gate * hidden + unit : -1;
  }
  int64_t array(int64_t row_floats) const { return round_up(rows * row_floats, 16); }
  int64_t run_floats() const {
    return array(gate_stride) + array(h_stride) +
           array(stride) * (traits.has_c + traits.has_extra + projects()) +
           (norm ? 2 * array(gate_stride) + array(kNormScales) : 0);
  }
  int64_t floats() const {
    return layers * directions * run_floats() + (layers - 1) * array(width);
  }
  Saved saved(float* reserve, int64_t run) const {
    float* p = reserve + run * run_floats();
    Saved s = {};
    s.gates = p;
    s.h_prev = p + array(gate_stride);
    p = s.h_prev + array(h_stride);
    if (traits.has_c) {
      s.c_prev = p;
      p += array(stride);
    }
    if (traits.has_extra) {
      s.extra = p;
      p += array(stride);
    }
    if (projects()) {
      s.made = p;
      p += array(stride);
    }
    if (norm) {
      s.x_hat = p;
      s.h_hat = s.x_hat + array(gate_stride);
      s.scales = s.h_hat + array(gate_stride);
    }
    return s;
  }
  // [N, directions * P], dropout applied: the next layer's input. Every layer but the last has one.
  float* output(float* reserve, int64_t layer) const {
    return reserve + layers * directions * run_floats() + layer * array(width);
  }
};

inline Layout make_layout(const RnRecurrentDesc& d, const CellTraits& traits) {
  const int64_t units = (d.hidden + kLanes - 1) / kLanes;
  const int64_t rest = d.hidden - (units - 1) * kLanes;
  const int64_t parts = d.norm || !traits.shares_vectors || 2 * rest > kLanes ? 1
                        : 4 * rest > kLanes                                   ? 2
                                                                              : 4;
  return {d.time * d.batch,
          d.hidden,
          d.layers,
          d.directions,
          d.state,
          units,
          units * kLanes,
          round_up(d.state, kLanes),
          traits.gates * units * kLanes,
          kLanes / parts,
          d.directions * d.state,
          traits,
          d.norm != 0};
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_LAYOUT_H_

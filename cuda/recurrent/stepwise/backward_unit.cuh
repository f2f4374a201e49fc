// A unit of a backward step of the stepwise tier: what reaches it, and where its gradients go.
#ifndef RNNATIVE_CUDA_RECURRENT_STEPWISE_BACKWARD_UNIT_CUH_
#define RNNATIVE_CUDA_RECURRENT_STEPWISE_BACKWARD_UNIT_CUH_

#include <type_traits>

#include "cuda/recurrent/stepwise/stepwise.cuh"

namespace rnnative::cuda::backward {

struct Unit {
  int64_t d, i, j;
  bool active;
  int64_t t, row, before;  // time; rows in arrays, `before` -1: follows the initial state
  int64_t state;           // place in [D, B, extent]
  int64_t extent, width;   // units, or features of h; those of all directions

  __device__ Unit(const BackwardStep& s, int64_t d, int64_t i, int64_t j, int64_t extent,
                  int64_t width)
      : d(d), i(i), j(j), extent(extent), width(width) {
    t = d == 0 ? s.rows.time - 1 - s.step : s.step;
    active = t < s.rows.length(i);
    row = active || s.rows.in_place() ? s.rows.row(t, i) : 0;
    before = active ? s.rows.row_before(t, i, static_cast<int>(d)) : 0;
    state = (d * s.rows.batch + i) * extent + j;
  }
  __device__ int64_t at(int64_t row) const { return row * width + d * extent + j; }
  __device__ int64_t gate(const BackwardStep& s) const {
    return d * s.gate_group + row * s.gate_row + j;
  }
  // The state before the step, of all steps' states and the initial ones.
  __device__ float state_before(const BackwardStep& s, const float* states,
                                const float* initial) const {
    if (before >= 0) return states[at(before)];
    if (initial == nullptr) return 0.0f;
    return initial[(d * s.rows.batch + s.rows.place(i)) * extent + j];
  }
};

inline __device__ float value_of(const StateGradient& gradient, const Unit& unit) {
  return gradient.data == nullptr ? 0.0f : gradient.data[unit.i * gradient.stride + unit.j];
}
// The gradient of the state after the step.
inline __device__ float state_gradient(const BackwardStep& s, const Unit& unit, float sum) {
  float dh = s.dh[unit.state] + sum;
  if (!unit.active) return dh;
  if (s.dy != nullptr) dh += s.dy[unit.at(unit.row)];
  const StepGradients& more = s.more;
  if (more.above[0].data != nullptr)
    dh += value_of(more.above[0], unit) *
          more.dropout.factor(s.rows.place(unit.i), unit.t * s.width + unit.j);
  return dh + value_of(more.above[1], unit);
}

// Of the gradient of a state after the step: what zoneout passes on, the rest being the cell's.
inline __device__ float passed(const BackwardStep& s, const Zone& zone, const Unit& at,
                               float* gradient) {
  const float kept = zone.kept(s.rows, at.d, at.t, at.i, at.j), all = *gradient;
  *gradient = (1.0f - kept) * all;
  return kept * all;
}

// The phase that comes first in backward is the last of forward's; kFirst: of one or two. Whatever
// the cell, there is one sum: so one kernel serves all.
template <bool kFirst>
struct Phase {
  static constexpr int kGroups = 1;
  using Step = BackwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    with_cell(s.cell, [&]<class Cell>() {
      if constexpr (kFirst || Cell::kTwoPhases) update_cell<Cell>(s, d, i, j, sum[0]);
    });
  }
  template <class Cell>
  __device__ static void update_cell(const Step& s, int64_t d, int64_t i, int64_t j, float sum) {
    using Of = std::conditional_t<kFirst, typename Cell::Last, typename Cell::First>;
    const Unit unit(s, d, i, j, s.hidden, s.units);
    const bool projects = Cell::kHasC && s.projects;
    BackwardUnit<Cell> u;
    if constexpr (Cell::kOptions) u.variant = {&s.variant[d], j};
#pragma unroll
    for (float& gradient : u.d) gradient = 0.0f;
    if (!projects) sum *= s.dropout.factor(s.rows, d, i, j);
    u.dh_before = projects ? sum : kFirst ? state_gradient(s, unit, sum) : s.dh[unit.state];
    if (unit.active) {
      const float* gates = s.gates + unit.gate(s);
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) u.slots[slot] = gates[slot * s.hidden];
      u.h_before = projects ? 0.0f : unit.state_before(s, s.h, s.h0);
      if (Cell::kHasC) {
        u.dc_after = s.dc[unit.state];
        u.c_after = s.c[unit.at(unit.row)];
        u.c_before = unit.state_before(s, s.c, s.c0);
      }
      u.dh_after = u.dh_before;
      u.d_extra = sum;
      // What passes by the cell.
      float h_passed = 0.0f, c_passed = 0.0f;
      if constexpr (kFirst) {
        if (s.zoneout.h.present() && !projects)
          h_passed = passed(s, s.zoneout.h, unit, &u.dh_after);
        if constexpr (Cell::kHasC) {
          if (s.zoneout.c.present()) {
            c_passed = passed(s, s.zoneout.c, unit, &u.dc_after);
            u.c_after = Cell::state(u);  // the cell's own
          }
        }
      }
      u.template step<Of>();
      u.dh_before += h_passed;
      if (Cell::kHasC) s.dc[unit.state] = u.dc_before + c_passed;
    }
    if (!projects) s.dh[unit.state] = u.dh_before;
    put<Cell, Of>(s, unit, u.d);
  }
  template <class Cell, class Of>
  __device__ static void put(const Step& s, const Unit& unit, const float (&d)[Cell::kSlots]) {
    constexpr int kInner = Cell::First::kGates;  // gates from here on are of the second phase
    float* dgates = s.dgates + unit.gate(s);
    const bool stored = unit.active || s.rows.in_place();
#pragma unroll
    for (int g = Of::kFirstMade; g < Of::kFirstMade + Of::kMade; ++g) {
      if (stored) dgates[g * s.hidden] = d[g];
      s.more.dgates.put(unit.i, g * s.hidden + unit.j, d[g]);
      const float of_product = d[Cell::product_slot(g)];
      if (g < kInner)
        s.next.put(unit.d, unit.i, g * s.hidden + unit.j, of_product);
      else
        s.inner.put(unit.d, unit.i, (g - kInner) * s.hidden + unit.j, of_product);
    }
    if (Cell::kSlots > Cell::kGates && stored)
      dgates[Cell::kGates * s.hidden] = d[Cell::kSlots - 1];
  }
};

}  // namespace rnnative::cuda::backward

#endif  // RNNATIVE_CUDA_RECURRENT_STEPWISE_BACKWARD_UNIT_CUH_

// A unit of a forward step of the stepwise tier: what it reads, and where its cell's results go.
#ifndef RNNATIVE_CUDA_RECURRENT_STEPWISE_FORWARD_UNIT_CUH_
#define RNNATIVE_CUDA_RECURRENT_STEPWISE_FORWARD_UNIT_CUH_

#include <type_traits>

#include "cuda/recurrent/stepwise/stepwise.cuh"

namespace rnnative::cuda::forward {

struct Unit {
  int64_t d, i, j;
  bool active;
  int64_t t, row, state;  // time; row in arrays; place in [D, B, extent]

  // One of `extent` of each row: units, or features of h.
  __device__ Unit(const ForwardStep& s, int64_t d, int64_t i, int64_t j, int64_t extent)
      : d(d), i(i), j(j) {
    t = d == 0 ? s.step : s.rows.time - 1 - s.step;
    active = t < s.rows.length(i);
    row = active || s.rows.in_place() ? s.rows.row(t, i) : 0;
    state = (d * s.rows.batch + i) * extent + j;
  }
};

// Adds its bias to a value of gate `g`.
inline __device__ float biased(const float* bias, const ForwardStep& s, const Unit& unit, int64_t g,
                               float value) {
  return bias == nullptr ? value : value + bias[g * s.hidden + unit.j];
}
inline __device__ float value_of(const float* states, const Unit& unit) {
  return states == nullptr ? 0.0f : states[unit.state];
}

inline __device__ void put_operand(const ForwardStep& s, const Unit& unit, float value) {
  s.next.put(unit.d, unit.i, unit.j, value * s.dropout.factor(s.rows, unit.d, unit.i, unit.j));
}
inline __device__ void put(const StateCopy& copy, const Unit& unit, float value) {
  if (copy.data != nullptr) copy.data[unit.i * copy.stride + unit.j] = value;
}
// A unit's c after the step, of a cell that has it.
inline __device__ void put_c(const ForwardStep& s, const Unit& unit, float c) {
  if (s.training) s.c[unit.row * s.units + unit.d * s.hidden + unit.j] = c;
}
// What h is to be projected from.
inline __device__ void put_made(const ForwardStep& s, const Unit& unit, float made) {
  if (s.training) s.made[unit.row * s.units + unit.d * s.hidden + unit.j] = made;
  s.next.put(unit.d, unit.i, unit.j, made);
}
// One of the features of h.
inline __device__ void put_h(const ForwardStep& s, const Unit& unit, float h) {
  s.h[unit.row * s.width + unit.d * s.state + unit.j] = h;
  put_operand(s, unit, h);
  const StateCopies& more = s.copies;
  for (const StateCopy& copy : more.plain) put(copy, unit, h);
  more.plain_rounded.put(unit.i, unit.j, h);
  if (more.dropped.data == nullptr) return;
  const float dropped = h * more.dropout.factor(s.rows.place(unit.i), unit.t * s.width + unit.j);
  put(more.dropped, unit, dropped);
  more.dropped_rounded.put(unit.i, unit.j, dropped);
}

// From what the cell has made to the states; h that is projected is none yet.
template <bool kHasC>
__device__ void zone(const ForwardStep& s, const Unit& at, bool projects, float* h, float h_before,
                     float* c, float c_before) {
  const auto kept = [&](const Zone& zone) { return zone.kept(s.rows, at.d, at.t, at.i, at.j); };
  if (s.zoneout.h.present() && !projects) *h = zone_state(kept(s.zoneout.h), *h, h_before);
  if (kHasC && s.zoneout.c.present()) *c = zone_state(kept(s.zoneout.c), *c, c_before);
}

template <class Cell, class Of>
struct Phase {
  static constexpr int kGroups = Of::kGates;
  static constexpr bool kLast = std::is_same_v<Of, typename Cell::Last>;
  using Step = ForwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sums)[kGroups]) {
    const Unit unit(s, d, i, j, s.hidden);
    const bool projects = Cell::kHasC && s.projects;
    ForwardUnit<Cell, Of> u;
    if constexpr (Cell::kOptions) u.variant = {&s.variant[d], j};
    u.h_before = projects ? 0.0f : value_of(s.h_before, unit);
    u.c_before = Cell::kHasC ? value_of(s.c_before, unit) : 0.0f;
    if (!unit.active) {
      if (!kLast || !s.rows.in_place()) return;
      put_states(s, unit, projects, u.h_before, u.c_before, 0.0f, 0.0f);
      return;
    }
    float* gates = s.gates + d * s.gate_group + unit.row * s.gate_row + j;
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      const int gate = Of::kFirst + g;
      u.x[g] = biased(s.b_ih[d], s, unit, gate, gates[gate * s.hidden]);
      u.r[g] = biased(s.b_hh[d], s, unit, gate, sums[g]);
    }
#pragma unroll
    for (int g = 0; g < Of::kFirst; ++g) u.gates[g] = gates[g * s.hidden];
    u.step();
    // The second phase finds the first one's gates there.
    if (!kLast || s.training) {
#pragma unroll
      for (int g = Of::kFirst; g < Of::kFirst + kGroups; ++g) gates[g * s.hidden] = u.gates[g];
      if (Cell::kKeepsExtra) gates[Cell::kGates * s.hidden] = u.kept;
    }
    if constexpr (kLast) {
      zone<Cell::kHasC>(s, unit, projects, &u.h_after, u.h_before, &u.c_after, u.c_before);
      const float c = Cell::kHasC ? u.c_after : 0.0f;
      put_states(s, unit, projects, u.h_after, c, u.h_after, c);
    } else {
      put_operand(s, unit, u.kept);
    }
  }
  // The states after the step, and what arrays over all steps get: zeros for a row without it.
  __device__ static void put_states(const Step& s, const Unit& unit, bool projects, float h_state,
                                    float c_state, float h, float c) {
    if (Cell::kHasC) {
      s.c_state[unit.state] = c_state;
      put_c(s, unit, c);
    }
    if (projects) {
      put_made(s, unit, h);
      return;
    }
    s.h_state[unit.state] = h_state;
    put_h(s, unit, h);
  }
};

}  // namespace rnnative::cuda::forward

#endif  // RNNATIVE_CUDA_RECURRENT_STEPWISE_FORWARD_UNIT_CUH_

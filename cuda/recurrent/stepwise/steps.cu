// The stepwise tier, forward: for what no chip holds, R too large or rows too many, and for what
// takes its steps one at a time.
#include <type_traits>

#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

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
__device__ float biased(const float* bias, const ForwardStep& s, const Unit& unit, int64_t g,
                        float value) {
  return bias == nullptr ? value : value + bias[g * s.hidden + unit.j];
}
__device__ float value_of(const float* states, const Unit& unit) {
  return states == nullptr ? 0.0f : states[unit.state];
}

__device__ void put_operand(const ForwardStep& s, const Unit& unit, float value) {
  s.next.put(unit.d, unit.i, unit.j, value * s.dropout.factor(s.rows, unit.d, unit.i, unit.j));
}
__device__ void put(const StateCopy& copy, const Unit& unit, float value) {
  if (copy.data != nullptr) copy.data[unit.i * copy.stride + unit.j] = value;
}
// A unit's c after the step, of a cell that has it.
__device__ void put_c(const ForwardStep& s, const Unit& unit, float c) {
  if (s.training) s.c[unit.row * s.units + unit.d * s.hidden + unit.j] = c;
}
// What h is to be projected from.
__device__ void put_made(const ForwardStep& s, const Unit& unit, float made) {
  if (s.training) s.made[unit.row * s.units + unit.d * s.hidden + unit.j] = made;
  s.next.put(unit.d, unit.i, unit.j, made);
}
// One of the features of h.
__device__ void put_h(const ForwardStep& s, const Unit& unit, float h) {
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

// After the cell, h is what W_HR makes of it.
struct Projection {
  static constexpr int kGroups = 1;
  using Step = ForwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    const Unit unit(s, d, i, j, s.state);
    if (!unit.active && !s.rows.in_place()) return;
    const float before = value_of(s.h_before, unit);
    float h = sum[0];
    if (s.zoneout.h.present()) h = zone_state(s.zoneout.h.kept(s.rows, d, unit.t, i, j), h, before);
    s.h_state[unit.state] = unit.active ? h : before;
    put_h(s, unit, unit.active ? h : 0.0f);
  }
};

// h0 as a product reads it. Rows that start later than others find it in either operand.
__global__ void start_kernel(ForwardStep s, int64_t directions, const float* h0, StepOperand even,
                             StepOperand odd) {
  const int64_t n = directions * s.rows.batch * s.state;
  for (int64_t at = first_index(); at < n; at += index_stride()) {
    const int64_t j = at % s.state, i = at / s.state % s.rows.batch,
                  d = at / s.state / s.rows.batch;
    const float h = h0 == nullptr ? 0.0f : h0[(d * s.rows.batch + s.rows.place(i)) * s.state + j];
    if (s.rows.order != nullptr) s.h_state[at] = h;
    const float masked = h * s.dropout.factor(s.rows, d, i, j);
    even.put(d, i, j, masked);
    odd.put(d, i, j, masked);
  }
}

// The rows that take part in a step of either direction, those of one being fewer, perhaps.
int64_t rows_of_step(const Layer& layer, int64_t step) {
  const Sequence& sequence = *layer.sequence;
  const int64_t first = sequence.active_at(step);
  if (layer.directions == 1) return first;
  return std::max(first, sequence.active_at(sequence.rows.time - 1 - step));
}

}  // namespace

int32_t StepwiseForward::start(RnContext* ctx) {
  const Layer& layer = args.layer;
  const int64_t states = s.rows.batch * s.width;
  int32_t status = RN_OK;
  for (StepOperand& operand : h)
    if (status == RN_OK) status = operand.allocate(ctx, layer, layer.state);
  if (status != RN_OK) return status;
  if (in_order()) {
    // Every row starts with the first step, and states are the caller's arrays.
    s.h_state = args.hn;
    s.c_state = args.cn;
    if (layer.h0 == nullptr || states == 0) return RN_OK;
    const bool rounded = product.skinny && layer.precision == RN_PRECISION_BF16;
    if (!rounded && !s.dropout.present()) {
      // Only read, and rounded by the product that does.
      first = {const_cast<float*>(layer.h0), nullptr, layer.state, s.rows.batch};
      return RN_OK;
    }
  } else {
    s.h_state = scratch_of<float>(ctx, states);
    s.c_state = cell.has_c ? scratch_of<float>(ctx, s.rows.batch * s.units) : nullptr;
    if (s.h_state == nullptr || (cell.has_c && s.c_state == nullptr)) return RN_ERR_OUT_OF_MEMORY;
    if (cell.has_c) status = sort_states(ctx, layer, layer.hidden, layer.c0, s.c_state);
    if (status != RN_OK || states == 0) return status;
  }
  first = h[0];
  return launch(ctx, over(states), start_kernel, s, layer.directions, layer.h0, h[0], h[1]);
}

int32_t StepwiseForward::prepare(RnContext* ctx, const LayerForward& given, bool skinny) {
  args = given;
  const Layer& layer = args.layer;
  const Sequence& sequence = *layer.sequence;
  cell = traits_of(layer.cell);
  s.rows = sequence.rows;
  s.hidden = layer.hidden;
  s.state = layer.state;
  s.width = layer.directions * layer.state;
  s.units = layer.directions * layer.hidden;
  s.projects = layer.state != layer.hidden;
  s.gate_row = cell.slots * layer.hidden;
  s.gate_group = sequence.tokens * s.gate_row;
  for (int64_t d = 0; d < layer.directions; ++d) {
    s.b_ih[d] = layer.b_ih[d];
    s.b_hh[d] = layer.b_hh[d];
    s.variant[d] = layer.variant[d];
  }
  s.training = args.training;
  s.gates = args.gates;
  s.h = args.h;
  s.c = args.c;
  s.made = args.made;
  s.dropout = layer.state_dropout;
  s.zoneout = layer.zoneout;
  product.skinny =
      skinny && s.rows.batch <= skinny_rows<ForwardStep>(layer.precision == RN_PRECISION_BF16);
  if (!product.skinny) {
    product.sums = scratch_of<float>(ctx, s.rows.batch * s.units * cell.gates);
    if (product.sums == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  int32_t status = start(ctx);
  if (status == RN_OK && (cell.products == 2 || s.projects))
    status = extra.allocate(ctx, layer, layer.hidden);
  if (status == RN_OK) status = recurrent_rows(ctx, layer, 0, true, &weights[0]);
  if (status == RN_OK && cell.products == 2)
    status = recurrent_rows(ctx, layer, cell.first_gates, true, &weights[1]);
  if (status == RN_OK && s.projects) status = projection_rows(ctx, layer, true, &weights[1]);
  return status;
}

int32_t StepwiseForward::step(RnContext* ctx, int64_t index, const StateCopies& copies) {
  const Layer& layer = args.layer;
  const bool initial = index == 0 && in_order();
  // The first step of zero states has nothing to multiply.
  const bool zero = index == 0 && layer.h0 == nullptr;
  s.step = index;
  s.copies = copies;
  s.h_before = initial ? layer.h0 : s.h_state;
  s.c_before = initial ? layer.c0 : s.c_state;
  product.rows = rows_of_step(layer, index);
  const StepOperand &before = index == 0 ? first : h[index & 1], &after = h[(index + 1) & 1];
  product.operand = zero ? nullptr : &before;
  product.weights = weights[0];
  product.k = layer.state;
  product.outputs = layer.hidden;
  s.next = cell.products == 2 || s.projects ? extra : after;
  int32_t status = with_cell(layer.cell, [&]<class Cell>() {
    return run_phase<Phase<Cell, typename Cell::First>>(ctx, layer, s, product);
  });
  if (status != RN_OK || (cell.products == 1 && !s.projects)) return status;
  s.next = after;
  product.weights = weights[1];
  product.k = layer.hidden;
  if (s.projects) {
    product.operand = &extra;
    product.outputs = layer.state;
    return run_phase<Projection>(ctx, layer, s, product);
  }
  product.operand = zero ? nullptr : &extra;
  return with_cell(layer.cell, [&]<class Cell>() {
    return run_phase<Phase<Cell, typename Cell::Last>>(ctx, layer, s, product);
  });
}

int32_t StepwiseForward::finish(RnContext* ctx) {
  const Layer& layer = args.layer;
  int32_t status = RN_OK;
  if (!in_order()) {
    status = unsort_states(ctx, layer, layer.state, s.h_state, {args.hn, RN_GRAD_WRITE});
    if (status != RN_OK || !cell.has_c) return status;
    return unsort_states(ctx, layer, layer.hidden, s.c_state, {args.cn, RN_GRAD_WRITE});
  }
  if (s.rows.time > 0) return RN_OK;
  status = copy_or_zero(ctx, args.hn, layer.h0, s.rows.batch * s.width);
  if (status != RN_OK || !cell.has_c) return status;
  return copy_or_zero(ctx, args.cn, layer.c0, s.rows.batch * s.units);
}

int32_t stepwise_forward(RnContext* ctx, const LayerForward& args) {
  const Sequence& sequence = *args.layer.sequence;
  StepwiseForward run;
  int32_t status = run.prepare(ctx, args, true);
  if (sequence.tokens > 0)
    for (int64_t step = 0; status == RN_OK && step < sequence.rows.time; ++step)
      status = run.step(ctx, step);
  return status == RN_OK ? run.finish(ctx) : status;
}

}  // namespace rnnative::cuda

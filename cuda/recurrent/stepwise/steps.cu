// The stepwise tier, forward: for what no chip holds, R too large or rows too many.
#include "cuda/core/device.cuh"
#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

struct ForwardStep {
  static constexpr int kMostTiles = 4;
  Rows rows;
  int64_t hidden, width;         // H, D*H
  int64_t gate_row, gate_group;  // S*H, N*S*H
  int64_t step;                  // direction 0 is at time `step`, direction 1 at T - 1 - step
  bool training;
  const float *b_ih[2], *b_hh[2];
  float *gates, *h, *c;      // as in LayerForward
  float *h_state, *c_state;  // [D, B, H] sorted
  // [D, B, H] what the next phase multiplies: h, or r h after the first of two phases. While one
  // kernel reads the state of the step before, it cannot write the new one to the same place.
  StepOperand next;
};

struct Unit {
  int64_t d, i, j;
  bool active;
  int64_t row, state;  // packed row; place in [D, B, H]

  __device__ Unit(const ForwardStep& s, int64_t d, int64_t i, int64_t j) : d(d), i(i), j(j) {
    const int64_t t = d == 0 ? s.step : s.rows.time - 1 - s.step;
    active = i < s.rows.active(t);
    row = s.rows.row(t, i);
    state = (d * s.rows.batch + i) * s.hidden + j;
  }
};

__device__ float* unit_gates(const ForwardStep& s, const Unit& unit) {
  return s.gates + unit.d * s.gate_group + unit.row * s.gate_row + unit.j;
}

// Adds its bias to a value of gate `g`.
__device__ float biased(const float* bias, const ForwardStep& s, const Unit& unit, int64_t g,
                        float value) {
  return bias == nullptr ? value : value + bias[g * s.hidden + unit.j];
}
// W x + b_ih and R h + b_hh of gates first .. first + kCount - 1.
template <int kCount>
__device__ void load(const ForwardStep& s, const Unit& unit, int64_t first, const float* gates,
                     const float (&sums)[kCount], float (&x)[kCount], float (&r)[kCount]) {
#pragma unroll
  for (int g = 0; g < kCount; ++g) {
    x[g] = biased(s.b_ih[unit.d], s, unit, first + g, gates[(first + g) * s.hidden]);
    r[g] = biased(s.b_hh[unit.d], s, unit, first + g, sums[g]);
  }
}

__device__ void store_state(const ForwardStep& s, const Unit& unit, float h) {
  s.h_state[unit.state] = h;
  s.h[unit.row * s.width + unit.d * s.hidden + unit.j] = h;
  s.next.put(unit.d, unit.i, unit.j, h);
}

template <class Cell>
struct Whole {
  static constexpr int kGroups = Cell::kGates;
  using Step = ForwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sums)[kGroups]) {
    const Unit unit(s, d, i, j);
    if (!unit.active) return;
    float* gates = unit_gates(s, unit);
    float x[kGroups], r[kGroups], slots[Cell::kSlots];
    load<kGroups>(s, unit, 0, gates, sums, x, r);
    float h = s.h_state[unit.state], c = 0.0f;
    if (Cell::kHasC) c = s.c_state[unit.state];
    Cell::forward(x, r, h, c, slots);
    if (s.training) {
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) gates[slot * s.hidden] = slots[slot];
    }
    if (Cell::kHasC) {
      s.c_state[unit.state] = c;
      if (s.training) s.c[unit.row * s.width + d * s.hidden + j] = c;
    }
    store_state(s, unit, h);
  }
};

// The two phases of GruResetBefore. z stays in its slot between them.
struct Reset {
  static constexpr int kGroups = 2;
  using Step = ForwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sums)[kGroups]) {
    const Unit unit(s, d, i, j);
    if (!unit.active) return;
    float* gates = unit_gates(s, unit);
    float x[2], product[2], r, z;
    load<2>(s, unit, 0, gates, sums, x, product);
    const float rh = GruResetBefore::forward_reset(x, product, s.h_state[unit.state], r, z);
    gates[0] = r;
    gates[s.hidden] = z;
    s.next.put(d, i, j, rh);
  }
};

struct Candidate {
  static constexpr int kGroups = 1;
  using Step = ForwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sums)[kGroups]) {
    const Unit unit(s, d, i, j);
    if (!unit.active) return;
    float* gates = unit_gates(s, unit);
    float x[1], product[1], h = s.h_state[unit.state];
    load<1>(s, unit, 2, gates, sums, x, product);
    gates[2 * s.hidden] = GruResetBefore::forward_candidate(x[0], product[0], gates[s.hidden], h);
    store_state(s, unit, h);
  }
};

// The rows that take part in a step of either direction, those of one being fewer, perhaps.
int64_t rows_of_step(const Layer& layer, int64_t step) {
  const Sequence& sequence = *layer.sequence;
  const int64_t first = sequence.active_at(step);
  if (layer.directions == 1) return first;
  return std::max(first, sequence.active_at(sequence.rows.time - 1 - step));
}

struct Run {
  const LayerForward& args;
  StepOperand h[2], reset;  // h of even and odd steps; r h
  StepWeights weights[2];   // of the phases
  ForwardStep s = {};
  StepProduct product;

  int32_t prepare(RnContext* ctx);
  int32_t step(RnContext* ctx, int64_t index);
};

int32_t Run::prepare(RnContext* ctx) {
  const Layer& layer = args.layer;
  const Sequence& sequence = *layer.sequence;
  const int64_t states = layer.directions * sequence.rows.batch * layer.hidden;
  const bool has_c = rn_cell(layer.cell)->has_c, two = rn_cell(layer.cell)->products == 2;
  const bool bf16 = layer.precision == RN_PRECISION_BF16;
  s.rows = sequence.rows;
  s.hidden = layer.hidden;
  s.width = layer.directions * layer.hidden;
  s.gate_row = slots_of(layer.cell) * layer.hidden;
  s.gate_group = sequence.tokens * s.gate_row;
  for (int64_t d = 0; d < layer.directions; ++d) {
    s.b_ih[d] = layer.b_ih[d];
    s.b_hh[d] = layer.b_hh[d];
  }
  s.training = args.training;
  s.gates = args.gates;
  s.h = args.h;
  s.c = args.c;
  s.h_state = scratch_of<float>(ctx, states);
  s.c_state = has_c ? scratch_of<float>(ctx, states) : nullptr;
  if (s.h_state == nullptr || (has_c && s.c_state == nullptr)) return RN_ERR_OUT_OF_MEMORY;
  product.k = layer.hidden;
  product.skinny = sequence.rows.batch <= skinny_rows<ForwardStep>(bf16);
  if (!product.skinny) {
    product.sums = scratch_of<float>(ctx, states * gates_of(layer.cell));
    if (product.sums == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  int32_t status = RN_OK;
  // Rows that start later than others find h0 in either.
  for (StepOperand& operand : h) {
    if (status == RN_OK) status = operand.allocate(ctx, layer, layer.hidden);
    if (status == RN_OK)
      status = sort_states(ctx, layer, layer.h0, bf16 ? s.h_state : operand.values, operand.rounded,
                           operand.ld);
  }
  if (status == RN_OK && !bf16) status = sort_states(ctx, layer, layer.h0, s.h_state);
  if (status == RN_OK && has_c) status = sort_states(ctx, layer, layer.c0, s.c_state);
  if (status == RN_OK && two) status = reset.allocate(ctx, layer, layer.hidden);
  if (status == RN_OK) status = recurrent_rows(ctx, layer, 0, true, &weights[0]);
  if (status == RN_OK && two) status = recurrent_rows(ctx, layer, 2, true, &weights[1]);
  return status;
}

int32_t Run::step(RnContext* ctx, int64_t index) {
  const Layer& layer = args.layer;
  // The first step of zero states has nothing to multiply.
  const bool zero = index == 0 && layer.h0 == nullptr;
  s.step = index;
  product.rows = rows_of_step(layer, index);
  product.operand = zero ? nullptr : &h[index & 1];
  product.weights = weights[0];
  const StepOperand& next = h[(index + 1) & 1];
  if (rn_cell(layer.cell)->products == 1) {
    s.next = next;
    return with_one_phase_cell(
        layer.cell, [&]<class Cell>() { return run_phase<Whole<Cell>>(ctx, layer, s, product); });
  }
  s.next = reset;
  const int32_t status = run_phase<Reset>(ctx, layer, s, product);
  if (status != RN_OK) return status;
  s.next = next;
  product.operand = zero ? nullptr : &reset;
  product.weights = weights[1];
  return run_phase<Candidate>(ctx, layer, s, product);
}

}  // namespace

int32_t stepwise_forward(RnContext* ctx, const LayerForward& args) {
  const Layer& layer = args.layer;
  Run run = {args, {}, {}, {}, {}, {}};
  int32_t status = run.prepare(ctx);
  if (layer.sequence->tokens > 0)
    for (int64_t step = 0; status == RN_OK && step < layer.sequence->rows.time; ++step)
      status = run.step(ctx, step);
  if (status == RN_OK) status = unsort_states(ctx, layer, run.s.h_state, {args.hn, RN_GRAD_WRITE});
  if (status == RN_OK && rn_cell(layer.cell)->has_c)
    status = unsort_states(ctx, layer, run.s.c_state, {args.cn, RN_GRAD_WRITE});
  return status;
}

}  // namespace rnnative::cuda

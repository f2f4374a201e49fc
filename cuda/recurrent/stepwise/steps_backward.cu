// The stepwise tier, backward. A phase adds the product of the later step's gradients with R to
// what else reaches the state, and makes of the sum this step's gradients before the activations.
// Rows that do not take part in a step count as zeros in its product, so the gradient of each row's
// state waits, unchanged, for the row's first step, or for the end after its last.
#include "cuda/core/device.cuh"
#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

struct BackwardStep {
  static constexpr int kMostTiles = 2;  // the products read count*H summands of each row
  Rows rows;
  int32_t cell;
  int64_t hidden, width;            // H, D*H
  int64_t gate_row, gate_group;     // S*H, N*S*H
  int64_t step;                     // direction 0 is at time T - 1 - step, direction 1 at `step`
  const float *gates, *h, *c, *dy;  // as in LayerBackward
  const float *h0, *c0;             // [D, B, H] in the caller's order, or null
  float* dgates;
  float *dh, *dc;         // [D, B, H] sorted: what reaches the state past the product
  StepOperand next;       // [D, B, count*H] gradients of R h, for the step before this one
  StepOperand candidate;  // [D, B, H] dn of GruResetBefore, for its second phase
};

struct Unit {
  int64_t d, i, j;
  bool active;
  int64_t row, before;  // packed rows; `before` -1: follows the initial state
  int64_t state;        // place in [D, B, H]

  __device__ Unit(const BackwardStep& s, int64_t d, int64_t i, int64_t j) : d(d), i(i), j(j) {
    const int64_t t = d == 0 ? s.rows.time - 1 - s.step : s.step;
    active = i < s.rows.active(t);
    row = active ? s.rows.row(t, i) : 0;
    before = active ? s.rows.row_before(t, i, static_cast<int>(d)) : 0;
    state = (d * s.rows.batch + i) * s.hidden + j;
  }
  __device__ int64_t at(const BackwardStep& s, int64_t row) const {
    return row * s.width + d * s.hidden + j;
  }
  __device__ int64_t gate(const BackwardStep& s) const {
    return d * s.gate_group + row * s.gate_row + j;
  }
  // The state before the step, of all steps' states and the initial ones.
  __device__ float state_before(const BackwardStep& s, const float* states,
                                const float* initial) const {
    if (before >= 0) return states[at(s, before)];
    if (initial == nullptr) return 0.0f;
    return initial[(d * s.rows.batch + s.rows.place(i)) * s.hidden + j];
  }
};

// The gradient of the state after the step.
__device__ float state_gradient(const BackwardStep& s, const Unit& unit, float sum) {
  const float dh = s.dh[unit.state] + sum;
  return s.dy != nullptr && unit.active ? dh + s.dy[unit.at(s, unit.row)] : dh;
}

// Whatever the cell, there is one sum: so one kernel serves all.
struct Whole {
  static constexpr int kGroups = 1;
  using Step = BackwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    with_one_phase_cell(s.cell, [&]<class Cell>() { update_cell<Cell>(s, d, i, j, sum); });
  }
  template <class Cell>
  __device__ static void update_cell(const Step& s, int64_t d, int64_t i, int64_t j,
                                     const float (&sum)[1]) {
    const Unit unit(s, d, i, j);
    float gradients[Cell::kSlots] = {};
    float dh = state_gradient(s, unit, sum[0]);
    if (unit.active) {
      const float* gates = s.gates + unit.gate(s);
      float slots[Cell::kSlots];
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) slots[slot] = gates[slot * s.hidden];
      float dc = 0.0f, c = 0.0f, c_before = 0.0f;
      if (Cell::kHasC) {
        dc = s.dc[unit.state];
        c = s.c[unit.at(s, unit.row)];
        c_before = unit.state_before(s, s.c, s.c0);
      }
      const float h_before = unit.state_before(s, s.h, s.h0);
      Cell::backward(slots, h_before, c_before, c, dh, dc, gradients);
      if (Cell::kHasC) s.dc[unit.state] = dc;
      float* dgates = s.dgates + unit.gate(s);
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) dgates[slot * s.hidden] = gradients[slot];
    }
    s.dh[unit.state] = dh;
#pragma unroll
    for (int g = 0; g < Cell::kGates; ++g)
      s.next.put(d, i, g * s.hidden + j, gradients[Cell::product_slot(g)]);
  }
};

// The two phases of GruResetBefore: gradients of z and n from those of r and z of the later step,
// then that of r from that of n.
struct Candidate {
  static constexpr int kGroups = 1;
  using Step = BackwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    const Unit unit(s, d, i, j);
    float dz = 0.0f, dn = 0.0f, dh = state_gradient(s, unit, sum[0]);
    if (unit.active) {
      const float* gates = s.gates + unit.gate(s);
      GruResetBefore::backward_candidate(gates[s.hidden], gates[2 * s.hidden],
                                         unit.state_before(s, s.h, s.h0), dh, dz, dn);
      float* dgates = s.dgates + unit.gate(s);
      dgates[s.hidden] = dz;
      dgates[2 * s.hidden] = dn;
    }
    s.dh[unit.state] = dh;
    s.candidate.put(d, i, j, dn);
    s.next.put(d, i, s.hidden + j, dz);
  }
};

struct Reset {
  static constexpr int kGroups = 1;
  using Step = BackwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    const Unit unit(s, d, i, j);
    float dr = 0.0f;
    if (unit.active) {
      float dh = s.dh[unit.state];
      dr = GruResetBefore::backward_reset(s.gates[unit.gate(s)], unit.state_before(s, s.h, s.h0),
                                          sum[0], dh);
      s.dh[unit.state] = dh;
      s.dgates[unit.gate(s)] = dr;
    }
    s.next.put(d, i, j, dr);
  }
};

// After the last step: the gradient of the initial state.
struct Final {
  static constexpr int kGroups = 1;
  using Step = BackwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    s.dh[(d * s.rows.batch + i) * s.hidden + j] += sum[0];
  }
};

struct Run {
  const LayerBackward& args;
  StepOperand gradients[2];  // of R h: of even and odd steps
  StepWeights weights[2];    // of R h, and of R_n (r h)
  int64_t count;             // gates in the first
  BackwardStep s = {};
  StepProduct product;

  int32_t prepare(RnContext* ctx);
  int32_t step(RnContext* ctx, int64_t index);
  int32_t finish(RnContext* ctx);
};

int32_t Run::prepare(RnContext* ctx) {
  const Layer& layer = args.layer;
  const Sequence& sequence = *layer.sequence;
  const int64_t states = layer.directions * sequence.rows.batch * layer.hidden;
  const bool has_c = rn_cell(layer.cell)->has_c, two = rn_cell(layer.cell)->products == 2;
  s.rows = sequence.rows;
  s.cell = layer.cell;
  s.hidden = layer.hidden;
  s.width = layer.directions * layer.hidden;
  s.gate_row = slots_of(layer.cell) * layer.hidden;
  s.gate_group = sequence.tokens * s.gate_row;
  s.gates = args.gates;
  s.h = args.h;
  s.c = args.c;
  s.dy = args.dy;
  s.h0 = layer.h0;
  s.c0 = layer.c0;
  s.dgates = args.dgates;
  s.dh = scratch_of<float>(ctx, states);
  s.dc = has_c ? scratch_of<float>(ctx, states) : nullptr;
  if (s.dh == nullptr || (has_c && s.dc == nullptr)) return RN_ERR_OUT_OF_MEMORY;
  count = two ? 2 : gates_of(layer.cell);
  product.skinny =
      sequence.rows.batch <= skinny_rows<BackwardStep>(layer.precision == RN_PRECISION_BF16);
  if (!product.skinny) {
    product.sums = scratch_of<float>(ctx, states);
    if (product.sums == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  int32_t status = RN_OK;
  // Rows that no step has reached yet count as zeros.
  for (StepOperand& operand : gradients) {
    if (status == RN_OK) status = operand.allocate(ctx, layer, count * layer.hidden);
    if (status == RN_OK) status = operand.clear(ctx, layer.directions);
  }
  if (status == RN_OK && two) status = s.candidate.allocate(ctx, layer, layer.hidden);
  if (status == RN_OK) status = sort_states(ctx, layer, args.dhn, s.dh);
  if (status == RN_OK && has_c) status = sort_states(ctx, layer, args.dcn, s.dc);
  for (int phase = 0; status == RN_OK && phase < (two ? 2 : 1); ++phase)
    status = product.skinny
                 ? recurrent_columns(ctx, layer, phase == 0 ? 0 : 2, phase == 0 ? count : 1,
                                     &weights[phase])
                 : recurrent_rows(ctx, layer, phase == 0 ? 0 : 2, false, &weights[phase]);
  return status;
}

int32_t Run::step(RnContext* ctx, int64_t index) {
  const Layer& layer = args.layer;
  const Sequence& sequence = *layer.sequence;
  s.step = index;
  s.next = gradients[(index + 1) & 1];
  // Rows join direction 0 and leave direction 1, each after a product that still counts.
  product.rows =
      layer.directions == 2 ? s.rows.batch : sequence.active_at(sequence.rows.time - 1 - index);
  product.operand = index == 0 ? nullptr : &gradients[index & 1];
  product.k = count * layer.hidden;
  product.weights = weights[0];
  if (rn_cell(layer.cell)->products == 1) return run_phase<Whole>(ctx, layer, s, product);
  const int32_t status = run_phase<Candidate>(ctx, layer, s, product);
  if (status != RN_OK) return status;
  product.operand = &s.candidate;
  product.k = layer.hidden;
  product.weights = weights[1];
  return run_phase<Reset>(ctx, layer, s, product);
}

int32_t Run::finish(RnContext* ctx) {
  const Layer& layer = args.layer;
  const int64_t steps = layer.sequence->rows.time;
  if (layer.sequence->tokens > 0 && args.dh0.mode != RN_GRAD_SKIP) {
    product.rows = s.rows.batch;
    product.operand = &gradients[steps & 1];
    product.k = count * layer.hidden;
    product.weights = weights[0];
    const int32_t status = run_phase<Final>(ctx, layer, s, product);
    if (status != RN_OK) return status;
  }
  const int32_t status = unsort_states(ctx, layer, s.dh, args.dh0);
  if (status != RN_OK || !rn_cell(layer.cell)->has_c) return status;
  return unsort_states(ctx, layer, s.dc, args.dc0);
}

}  // namespace

int32_t stepwise_backward(RnContext* ctx, const LayerBackward& args) {
  const Layer& layer = args.layer;
  Run run = {args, {}, {}, 0, {}, {}};
  int32_t status = run.prepare(ctx);
  if (layer.sequence->tokens > 0)
    for (int64_t step = 0; status == RN_OK && step < layer.sequence->rows.time; ++step)
      status = run.step(ctx, step);
  return status == RN_OK ? run.finish(ctx) : status;
}

}  // namespace rnnative::cuda

// The stepwise tier, backward: a kernel of gate math makes a step's gradients before the
// activations from the gradient of its state, and a product of those with R adds to the gradient of
// the state before. Rows that do not take part in a step count as zeros in its product: so the
// gradient of each row's state waits, unchanged, for its first step, or for the end after its last.
#include "cuda/device.cuh"
#include "cuda/recurrent_steps.cuh"

namespace rnnative::cuda {
namespace {

struct BackwardStep {
  Rows rows;
  int64_t hidden, width;            // H, D*H
  int64_t gate_row, gate_group;     // S*H, N*S*H
  int64_t step;                     // direction 0 is at time T - 1 - step, direction 1 at `step`
  int64_t m;                        // rows of the products
  const float *gates, *h, *c, *dy;  // as in LayerBackward
  const float *h0, *c0;             // [D, B, H] in the caller's order, or null
  float* dgates;
  float *dh, *dc;         // [D, B, H] sorted: gradients of the state that the step makes, then uses
  StepOperand operand;    // [D, B, G*H] gradients of R h
  StepOperand candidate;  // [D, B, H] dn of GruResetBefore
  const float* dreset;    // [D, B, H] its product with R_n, the gradient of r h
};

struct Unit {
  int64_t d, i, j;
  bool active;
  int64_t row, before;  // packed rows; `before` -1: follows the initial state
  int64_t state;        // place in [D, B, H]

  __device__ Unit(const BackwardStep& s, int64_t i) : d(blockIdx.z), i(i) {
    j = first_index();
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

template <class Cell>
__global__ void step_kernel(BackwardStep s) {
  if (first_index() >= s.hidden) return;
  for (int64_t i = blockIdx.y; i < s.m; i += gridDim.y) {
    const Unit unit(s, i);
    float d[Cell::kSlots] = {};
    if (unit.active) {
      const float* gates = s.gates + unit.gate(s);
      float slots[Cell::kSlots];
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) slots[slot] = gates[slot * s.hidden];
      float dh = s.dh[unit.state], dc = 0.0f, c = 0.0f, c_before = 0.0f;
      if (s.dy != nullptr) dh += s.dy[unit.at(s, unit.row)];
      if (Cell::kHasC) {
        dc = s.dc[unit.state];
        c = s.c[unit.at(s, unit.row)];
        c_before = unit.state_before(s, s.c, s.c0);
      }
      const float h_before = unit.state_before(s, s.h, s.h0);
      Cell::backward(slots, h_before, c_before, c, dh, dc, d);
      s.dh[unit.state] = dh;
      if (Cell::kHasC) s.dc[unit.state] = dc;
      float* dgates = s.dgates + unit.gate(s);
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) dgates[slot * s.hidden] = d[slot];
    }
#pragma unroll
    for (int g = 0; g < Cell::kGates; ++g)
      s.operand.put(unit.d, i, g * s.hidden + unit.j, d[Cell::product_slot(g)]);
  }
}

// The two parts of a step of GruResetBefore, with the product dn R_n between them.
__global__ void candidate_kernel(BackwardStep s) {
  if (first_index() >= s.hidden) return;
  for (int64_t i = blockIdx.y; i < s.m; i += gridDim.y) {
    const Unit unit(s, i);
    float dz = 0.0f, dn = 0.0f;
    if (unit.active) {
      const float* gates = s.gates + unit.gate(s);
      float dh = s.dh[unit.state];
      if (s.dy != nullptr) dh += s.dy[unit.at(s, unit.row)];
      GruResetBefore::backward_candidate(gates[s.hidden], gates[2 * s.hidden],
                                         unit.state_before(s, s.h, s.h0), dh, dz, dn);
      s.dh[unit.state] = dh;
      float* dgates = s.dgates + unit.gate(s);
      dgates[s.hidden] = dz;
      dgates[2 * s.hidden] = dn;
    }
    s.candidate.put(unit.d, i, unit.j, dn);
    s.operand.put(unit.d, i, s.hidden + unit.j, dz);
  }
}

__global__ void reset_kernel(BackwardStep s) {
  if (first_index() >= s.hidden) return;
  for (int64_t i = blockIdx.y; i < s.m; i += gridDim.y) {
    const Unit unit(s, i);
    float dr = 0.0f;
    if (unit.active) {
      float dh = s.dh[unit.state];
      dr = GruResetBefore::backward_reset(s.gates[unit.gate(s)], unit.state_before(s, s.h, s.h0),
                                          s.dreset[unit.state], dh);
      s.dh[unit.state] = dh;
      s.dgates[unit.gate(s)] = dr;
    }
    s.operand.put(unit.d, i, unit.j, dr);
  }
}

// to [D, B, H] (+)= operand [D, B, count*H] times the rows of R from gate `first` on, for the first
// m rows of the batch.
int32_t multiply(RnContext* ctx, const Layer& layer, const RecurrentWeights& weights,
                 const StepOperand& operand, int64_t first, int64_t count, int64_t m, bool add,
                 float* to) {
  Gemm product;
  product.groups = layer.directions;
  product.m = m;
  product.n = layer.hidden;
  product.k = count * layer.hidden;
  set_a(product, operand.operand());
  product.stride_a = operand.group();
  weights.set(product, layer, first);
  product.c = to;
  product.ldc = layer.hidden;
  product.stride_c = layer.sequence->rows.batch * layer.hidden;
  product.add = add;
  product.precision = layer.precision;
  return gemm(ctx, product);
}

int32_t run_step(RnContext* ctx, const Layer& layer, const RecurrentWeights& weights, float* dreset,
                 const BackwardStep& s) {
  const Launch how = over_step(layer, s.m);
  if (layer.cell != RN_GRU_RESET_BEFORE) {
    const int32_t status = with_cell(layer.cell, [&]<class Cell>() {
      if constexpr (Cell::kPhases == 1)
        return launch(ctx, how, step_kernel<Cell>, s);
      else
        return int32_t{RN_ERR_INTERNAL};
    });
    if (status != RN_OK) return status;
    return multiply(ctx, layer, weights, s.operand, 0, gates_of(layer.cell), s.m, true, s.dh);
  }
  int32_t status = launch(ctx, how, candidate_kernel, s);
  if (status == RN_OK)
    status = multiply(ctx, layer, weights, s.candidate, 2, 1, s.m, false, dreset);
  if (status == RN_OK) status = launch(ctx, how, reset_kernel, s);
  return status == RN_OK ? multiply(ctx, layer, weights, s.operand, 0, 2, s.m, true, s.dh) : status;
}

}  // namespace

int32_t stepwise_backward(RnContext* ctx, const LayerBackward& args) {
  const Layer& layer = args.layer;
  const Sequence& sequence = *layer.sequence;
  const int64_t states = layer.directions * sequence.rows.batch * layer.hidden;
  const bool has_c = layer.cell == RN_LSTM, two = layer.cell == RN_GRU_RESET_BEFORE;
  BackwardStep s = {};
  s.rows = sequence.rows;
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
  float* dreset = two ? scratch_of<float>(ctx, states) : nullptr;
  s.dreset = dreset;
  if (s.dh == nullptr || (has_c && s.dc == nullptr) || (two && dreset == nullptr))
    return RN_ERR_OUT_OF_MEMORY;
  // Columns of r and z where there are two products.
  int32_t status = s.operand.allocate(ctx, layer, (two ? 2 : gates_of(layer.cell)) * layer.hidden);
  if (status == RN_OK && two) status = s.candidate.allocate(ctx, layer, layer.hidden);
  RecurrentWeights weights;
  if (status == RN_OK) status = weights.make(ctx, layer);
  if (status == RN_OK) status = sort_states(ctx, layer, args.dhn, s.dh);
  if (status == RN_OK && has_c) status = sort_states(ctx, layer, args.dcn, s.dc);
  if (sequence.tokens > 0)
    for (s.step = 0; status == RN_OK && s.step < sequence.rows.time; ++s.step) {
      s.m = rows_of_step(layer, sequence.rows.time - 1 - s.step);
      status = run_step(ctx, layer, weights, dreset, s);
    }
  if (status == RN_OK) status = unsort_states(ctx, layer, s.dh, args.dh0);
  if (status == RN_OK && has_c) status = unsort_states(ctx, layer, s.dc, args.dc0);
  return status;
}

}  // namespace rnnative::cuda

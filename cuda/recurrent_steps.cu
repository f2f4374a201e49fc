// The stepwise tier, forward: a step is a product h R^T of all directions and rows, and a kernel of
// gate math that reads the product while it is in the L2 cache. For what no chip holds: R too
// large, or so many rows that the product is at home in a GEMM anyway.
#include "cuda/device.cuh"
#include "cuda/recurrent_steps.cuh"

namespace rnnative::cuda {
namespace {

struct ForwardStep {
  Rows rows;
  int64_t hidden, width;         // H, D*H
  int64_t gate_row, gate_group;  // S*H, N*S*H
  int64_t step;                  // direction 0 is at time `step`, direction 1 at T - 1 - step
  const float* product;          // [D, B, gates*H] without bias, or null: zeros
  const float *b_ih[2], *b_hh[2];
  float *gates, *h, *c;       // as in LayerForward
  float *h_state, *c_state;   // [D, B, H] sorted
  StepOperand h_operand;      // h_state rounded; unused in f32
  StepOperand reset_operand;  // r h, of GruResetBefore
};

struct Unit {
  int64_t d, i, j;
  int64_t row, state;  // packed row; place in [D, B, H]

  __device__ Unit(const ForwardStep& s, int64_t i) : d(blockIdx.z), i(i) {
    j = first_index();
    const int64_t t = d == 0 ? s.step : s.rows.time - 1 - s.step;
    row = s.rows.row(t, i);
    state = (d * s.rows.batch + i) * s.hidden + j;
  }
};

__device__ int64_t active_rows(const ForwardStep& s) {
  return s.rows.active(blockIdx.z == 0 ? s.step : s.rows.time - 1 - s.step);
}

// W x + b_ih of gates first .. first + kCount - 1 of a unit.
template <int kCount>
__device__ void load_input(const ForwardStep& s, const Unit& unit, int64_t first,
                           const float* gates, float (&x)[kCount]) {
  const float* bias = s.b_ih[unit.d];
#pragma unroll
  for (int g = 0; g < kCount; ++g) {
    x[g] = gates[(first + g) * s.hidden];
    if (bias != nullptr) x[g] += bias[(first + g) * s.hidden + unit.j];
  }
}

// R h + b_hh of gates first .. first + kCount - 1 of a unit; the product starts with `first`.
template <int kCount>
__device__ void load_product(const ForwardStep& s, const Unit& unit, int64_t first,
                             float (&r)[kCount]) {
  const float* bias = s.b_hh[unit.d];
#pragma unroll
  for (int g = 0; g < kCount; ++g) {
    r[g] = bias == nullptr ? 0.0f : bias[(first + g) * s.hidden + unit.j];
    if (s.product != nullptr)
      r[g] += s.product[((unit.d * s.rows.batch + unit.i) * kCount + g) * s.hidden + unit.j];
  }
}

__device__ void store_state(const ForwardStep& s, const Unit& unit, float h) {
  s.h_state[unit.state] = h;
  s.h[unit.row * s.width + unit.d * s.hidden + unit.j] = h;
  if (s.h_operand.rounded != nullptr) s.h_operand.put(unit.d, unit.i, unit.j, h);
}

template <class Cell, bool kTraining>
__global__ void step_kernel(ForwardStep s) {
  if (first_index() >= s.hidden) return;
  const int64_t active = active_rows(s);
  for (int64_t i = blockIdx.y; i < active; i += gridDim.y) {
    const Unit unit(s, i);
    float* gates = s.gates + unit.d * s.gate_group + unit.row * s.gate_row + unit.j;
    float x[Cell::kGates], r[Cell::kGates], slots[Cell::kSlots];
    load_input<Cell::kGates>(s, unit, 0, gates, x);
    load_product<Cell::kGates>(s, unit, 0, r);
    float h = s.h_state[unit.state], c = 0.0f;
    if (Cell::kHasC) c = s.c_state[unit.state];
    Cell::forward(x, r, h, c, slots);
    if (kTraining) {
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) gates[slot * s.hidden] = slots[slot];
    }
    if (Cell::kHasC) {
      s.c_state[unit.state] = c;
      if (kTraining) s.c[unit.row * s.width + unit.d * s.hidden + unit.j] = c;
    }
    store_state(s, unit, h);
  }
}

// The two parts of a step of GruResetBefore. z stays in its slot between them.
__global__ void reset_kernel(ForwardStep s) {
  if (first_index() >= s.hidden) return;
  const int64_t active = active_rows(s);
  for (int64_t i = blockIdx.y; i < active; i += gridDim.y) {
    const Unit unit(s, i);
    float* gates = s.gates + unit.d * s.gate_group + unit.row * s.gate_row + unit.j;
    float x[2], product[2], r, z;
    load_input<2>(s, unit, 0, gates, x);
    load_product<2>(s, unit, 0, product);
    const float rh = GruResetBefore::forward_reset(x, product, s.h_state[unit.state], r, z);
    gates[0] = r;
    gates[s.hidden] = z;
    s.reset_operand.put(unit.d, unit.i, unit.j, rh);
  }
}

__global__ void candidate_kernel(ForwardStep s) {
  if (first_index() >= s.hidden) return;
  const int64_t active = active_rows(s);
  for (int64_t i = blockIdx.y; i < active; i += gridDim.y) {
    const Unit unit(s, i);
    float* gates = s.gates + unit.d * s.gate_group + unit.row * s.gate_row + unit.j;
    float x[1], product[1], h = s.h_state[unit.state];
    load_input<1>(s, unit, 2, gates, x);
    load_product<1>(s, unit, 2, product);
    gates[2 * s.hidden] = GruResetBefore::forward_candidate(x[0], product[0], gates[s.hidden], h);
    store_state(s, unit, h);
  }
}

// product [D, B, count*H] = operand [D, B, H] times the rows of R from gate `first` on, transposed,
// for the first m rows of the batch.
int32_t multiply(RnContext* ctx, const Layer& layer, const RecurrentWeights& weights,
                 const Operand& operand, int64_t operand_group, int64_t first, int64_t count,
                 int64_t m, float* to) {
  Gemm product;
  product.groups = layer.directions;
  product.m = m;
  product.n = count * layer.hidden;
  product.k = layer.hidden;
  product.trans_b = true;
  set_a(product, operand);
  product.stride_a = operand_group;
  weights.set(product, layer, first);
  product.c = to;
  product.ldc = product.n;
  product.stride_c = layer.sequence->rows.batch * product.n;
  product.precision = layer.precision;
  return gemm(ctx, product);
}

int32_t run_step(RnContext* ctx, const LayerForward& args, const RecurrentWeights& weights,
                 float* product, ForwardStep& s) {
  const Layer& layer = args.layer;
  const int64_t m = rows_of_step(layer, s.step);
  const Launch how = over_step(layer, m);
  const bool bf16 = s.h_operand.rounded != nullptr;
  const Operand state = bf16 ? s.h_operand.operand() : Operand{s.h_state, false, layer.hidden};
  const int64_t group = bf16 ? s.h_operand.group() : s.rows.batch * layer.hidden;
  const bool two = layer.cell == RN_GRU_RESET_BEFORE;
  // The first step of zero states has nothing to multiply.
  const bool zero = s.step == 0 && layer.h0 == nullptr;
  s.product = zero ? nullptr : product;
  int32_t status = RN_OK;
  if (!zero)
    status =
        multiply(ctx, layer, weights, state, group, 0, two ? 2 : gates_of(layer.cell), m, product);
  if (status != RN_OK) return status;
  if (!two)
    return with_cell(layer.cell, [&]<class Cell>() {
      if constexpr (Cell::kPhases == 1)
        return launch(ctx, how, args.training ? step_kernel<Cell, true> : step_kernel<Cell, false>,
                      s);
      else
        return int32_t{RN_ERR_INTERNAL};
    });
  status = launch(ctx, how, reset_kernel, s);
  if (status == RN_OK && !zero)
    status = multiply(ctx, layer, weights, s.reset_operand.operand(), s.reset_operand.group(), 2, 1,
                      m, product);
  return status == RN_OK ? launch(ctx, how, candidate_kernel, s) : status;
}

}  // namespace

int32_t stepwise_forward(RnContext* ctx, const LayerForward& args) {
  const Layer& layer = args.layer;
  const Sequence& sequence = *layer.sequence;
  const int64_t states = layer.directions * sequence.rows.batch * layer.hidden;
  const bool has_c = layer.cell == RN_LSTM, bf16 = layer.precision == RN_PRECISION_BF16;
  ForwardStep s = {};
  s.rows = sequence.rows;
  s.hidden = layer.hidden;
  s.width = layer.directions * layer.hidden;
  s.gate_row = slots_of(layer.cell) * layer.hidden;
  s.gate_group = sequence.tokens * s.gate_row;
  for (int64_t d = 0; d < layer.directions; ++d) {
    s.b_ih[d] = layer.b_ih[d];
    s.b_hh[d] = layer.b_hh[d];
  }
  s.gates = args.gates;
  s.h = args.h;
  s.c = args.c;
  s.h_state = scratch_of<float>(ctx, states);
  s.c_state = has_c ? scratch_of<float>(ctx, states) : nullptr;
  float* product = scratch_of<float>(ctx, states * gates_of(layer.cell));
  if (s.h_state == nullptr || (has_c && s.c_state == nullptr) || product == nullptr)
    return RN_ERR_OUT_OF_MEMORY;
  int32_t status = bf16 ? s.h_operand.allocate(ctx, layer, layer.hidden) : int32_t{RN_OK};
  if (status == RN_OK && layer.cell == RN_GRU_RESET_BEFORE)
    status = s.reset_operand.allocate(ctx, layer, layer.hidden);
  RecurrentWeights weights;
  if (status == RN_OK) status = weights.make(ctx, layer);
  if (status == RN_OK)
    status = sort_states(ctx, layer, layer.h0, s.h_state, s.h_operand.rounded, s.h_operand.ld);
  if (status == RN_OK && has_c) status = sort_states(ctx, layer, layer.c0, s.c_state);
  if (sequence.tokens > 0)
    for (s.step = 0; status == RN_OK && s.step < sequence.rows.time; ++s.step)
      status = run_step(ctx, args, weights, product, s);
  if (status == RN_OK) status = unsort_states(ctx, layer, s.h_state, {args.hn, RN_GRAD_WRITE});
  if (status == RN_OK && has_c)
    status = unsort_states(ctx, layer, s.c_state, {args.cn, RN_GRAD_WRITE});
  return status;
}

}  // namespace rnnative::cuda

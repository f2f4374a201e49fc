// The steps of the decoder's layers. A thread has a unit of a row: these kernels are short, and all
// they read was written just before.
#include "cuda/decoder/step.cuh"

#include <algorithm>
#include <cmath>

namespace rnnative::cuda {
namespace {

__device__ float value_or_zero(const float* data, int64_t at) {
  return data ? data[at] : 0.0f;
}

// What becomes of the state after the step; h, c of rows without this step: the state before.
__device__ void put_state(const CellForward& s, int64_t b, int64_t j, bool active, float h,
                          float c) {
  const int64_t at = b * s.hidden + j, end = s.rows.end(b);
  if (active ? s.rows.t + 1 == end : s.rows.t == 0) {
    s.hn[at] = h;
    if (s.cn) s.cn[at] = c;
  }
  const float kept = active ? h : 0.0f;
  s.h[at] = kept;
  if (s.c) s.c[at] = active ? c : 0.0f;
  if (s.dropped) {
    const float dropped = active ? h * s.dropout.factor(b, s.rows.t * s.hidden + j) : 0.0f;
    s.dropped[at] = dropped;
    s.dropped_rounded.put(b, j, dropped);
  }
  for (const StateCopy& copy : s.copies)
    if (copy.data) copy.data[b * copy.stride + j] = kept;
  s.state_rounded.put(b, j, kept);
  s.copy_rounded.put(b, j, kept);
}

// product: [B, G*H] R h, or null: zeros.
template <class Cell, bool kTraining>
__global__ void forward_kernel(CellForward s, const float* product) {
  const int64_t j = first_index(), H = s.hidden;
  if (j >= H) return;
  for (int64_t b = blockIdx.y; b < s.rows.batch; b += gridDim.y) {
    const int64_t at = b * H + j;
    const bool active = s.rows.t < s.rows.end(b);
    float h = value_or_zero(s.h_before, at), c = value_or_zero(s.c_before, at);
    if (active) {
      float* gates = s.gates + b * Cell::kSlots * H + j;
      float x[Cell::kGates], r[Cell::kGates], slots[Cell::kSlots];
#pragma unroll
      for (int g = 0; g < Cell::kGates; ++g) {
        x[g] = gates[g * H];
        r[g] = value_or_zero(product, b * Cell::kGates * H + g * H + j) +
               value_or_zero(s.b_hh, g * H + j);
      }
      Cell::forward(x, r, h, c, slots);
#pragma unroll
      for (int slot = 0; kTraining && slot < Cell::kSlots; ++slot) gates[slot * H] = slots[slot];
    }
    put_state(s, b, j, active, h, c);
  }
}

// The two parts of a step of GruResetBefore: before and after the product of R_n with `reset`
// [B, H]. product: [B, 2 H] of r and z, or null.
__global__ void forward_reset_kernel(CellForward s, const float* product, float* reset) {
  const int64_t j = first_index(), H = s.hidden;
  if (j >= H) return;
  for (int64_t b = blockIdx.y; b < s.rows.batch; b += gridDim.y) {
    float* gates = s.gates + b * GruResetBefore::kSlots * H + j;
    float rh = 0;
    if (s.rows.t < s.rows.end(b)) {
      const float* own = product ? product + b * 2 * H + j : nullptr;
      const float x[2] = {gates[0], gates[H]};
      const float r[2] = {value_or_zero(own, 0) + value_or_zero(s.b_hh, j),
                          value_or_zero(own, H) + value_or_zero(s.b_hh, H + j)};
      float reset_gate, z;
      rh = GruResetBefore::forward_reset(x, r, value_or_zero(s.h_before, b * H + j), reset_gate, z);
      gates[0] = reset_gate;
      gates[H] = z;
    }
    reset[b * H + j] = rh;
    s.reset_rounded.put(b, j, rh);
  }
}

// product: [B, H].
__global__ void forward_candidate_kernel(CellForward s, const float* product) {
  const int64_t j = first_index(), H = s.hidden;
  if (j >= H) return;
  for (int64_t b = blockIdx.y; b < s.rows.batch; b += gridDim.y) {
    float* gates = s.gates + b * GruResetBefore::kSlots * H + j;
    const bool active = s.rows.t < s.rows.end(b);
    float h = value_or_zero(s.h_before, b * H + j);
    if (active)
      gates[2 * H] = GruResetBefore::forward_candidate(
          gates[2 * H], product[b * H + j] + value_or_zero(s.b_hh, 2 * H + j), gates[H], h);
    put_state(s, b, j, active, h, 0);
  }
}

// The gradient of h after the step.
__device__ float take_dh(const CellBackward& s, int64_t b, int64_t j) {
  float dh = s.dh[b * s.hidden + j];
  const StateGradient &first = s.above[0], &second = s.above[1];
  if (first.data)
    dh += first.data[b * first.stride + j] * s.dropout.factor(b, s.rows.t * s.hidden + j);
  if (second.data) dh += second.data[b * second.stride + j];
  return dh;
}

// dproduct: [B, G*H] gradients of R h, where those in dgates have gaps, or null.
template <class Cell>
__global__ void backward_kernel(CellBackward s, float* dproduct) {
  const int64_t j = first_index(), H = s.hidden;
  if (j >= H) return;
  for (int64_t b = blockIdx.y; b < s.rows.batch; b += gridDim.y) {
    const int64_t at = b * H + j, gate = b * Cell::kSlots * H + j;
    float d[Cell::kSlots] = {};
    if (s.rows.t < s.rows.end(b)) {
      float slots[Cell::kSlots];
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) slots[slot] = s.gates[gate + slot * H];
      float dh = take_dh(s, b, j), dc = Cell::kHasC ? s.dc[at] : 0.0f;
      Cell::backward(slots, value_or_zero(s.h_before, at), value_or_zero(s.c_before, at),
                     value_or_zero(s.c, at), dh, dc, d);
      s.dh[at] = dh;
      if (Cell::kHasC) s.dc[at] = dc;
    }
#pragma unroll
    for (int slot = 0; slot < Cell::kSlots; ++slot) s.dgates[gate + slot * H] = d[slot];
#pragma unroll
    for (int g = 0; g < Cell::kGates; ++g) {
      const float of_product = d[Cell::product_slot(g)];
      if (dproduct) dproduct[b * Cell::kGates * H + g * H + j] = of_product;
      s.dgates_rounded.put(b, g * H + j, d[g]);
      s.dproduct_rounded.put(b, g * H + j, of_product);
    }
  }
}

__global__ void backward_candidate_kernel(CellBackward s) {
  const int64_t j = first_index(), H = s.hidden;
  if (j >= H) return;
  for (int64_t b = blockIdx.y; b < s.rows.batch; b += gridDim.y) {
    const int64_t at = b * H + j, gate = b * GruResetBefore::kSlots * H + j;
    float dz = 0, dn = 0, rh = 0;
    if (s.rows.t < s.rows.end(b)) {
      const float before = value_or_zero(s.h_before, at);
      float dh = take_dh(s, b, j);
      GruResetBefore::backward_candidate(s.gates[gate + H], s.gates[gate + 2 * H], before, dh, dz,
                                         dn);
      s.dh[at] = dh;
      rh = s.gates[gate] * before;
    }
    s.dgates[gate + H] = dz;
    s.dgates[gate + 2 * H] = dn;
    s.dgates_rounded.put(b, H + j, dz);
    s.dgates_rounded.put(b, 2 * H + j, dn);
    s.reset[at] = rh;
  }
}

// dreset: [B, H] gradient of r h.
__global__ void backward_reset_kernel(CellBackward s, const float* dreset) {
  const int64_t j = first_index(), H = s.hidden;
  if (j >= H) return;
  for (int64_t b = blockIdx.y; b < s.rows.batch; b += gridDim.y) {
    const int64_t at = b * H + j, gate = b * GruResetBefore::kSlots * H + j;
    float dr = 0;
    if (s.rows.t < s.rows.end(b)) {
      float dh = s.dh[at];
      dr = GruResetBefore::backward_reset(s.gates[gate], value_or_zero(s.h_before, at), dreset[at],
                                          dh);
      s.dh[at] = dh;
    }
    s.dgates[gate] = dr;
    s.dgates_rounded.put(b, j, dr);
  }
}

Launch over_units(const DecoderRows& rows, int64_t hidden) {
  const int64_t threads = std::min<int64_t>(ceil_div(hidden, 32) * 32, 128);
  Launch how;
  how.block = dim3(static_cast<unsigned>(threads));
  how.grid = dim3(static_cast<unsigned>(ceil_div(hidden, threads)),
                  static_cast<unsigned>(std::min<int64_t>(rows.batch, 65535)));
  return how;
}

}  // namespace

StepDropout step_dropout(const RnRecurrentDesc& stack, int64_t l) {
  StepDropout dropout = {draws_of(stack.random), 0, 1};
  if (stack.dropout == 0) return dropout;
  dropout.draws.random.stream += static_cast<uint32_t>(l);
  dropout.threshold = static_cast<uint32_t>(std::ceil(stack.dropout * 0x1p24));
  dropout.scale = static_cast<float>(1.0 / (1.0 - stack.dropout));
  return dropout;
}

// A product [B, G*H], or [B, 2 H] and r h beside it.
int64_t step_work(const DecoderLayout& layout) {
  return layout.B * layout.G * layout.H;
}

int32_t step_forward(RnContext* ctx, const StepRecurrence& layer, const CellForward& s,
                     bool training) {
  const int64_t B = s.rows.batch, H = s.hidden, gates = gates_of(layer.cell);
  const bool two = rn_cell(layer.cell)->products == 2;
  const int64_t n = (two ? 2 : gates) * H;
  const Launch how = over_units(s.rows, H);
  float* const product = s.h_before ? layer.work : nullptr;  // zeros have none
  int32_t status = RN_OK;
  if (product)
    status = multiply(ctx, layer.precision,
                      {B, n, H, {s.h_before, H, s.state_rounded}, layer.weight, true, product, n});
  if (status != RN_OK) return status;
  if (!two)
    return with_one_phase_cell(layer.cell, [&]<class Cell>() {
      return launch(ctx, how, training ? forward_kernel<Cell, true> : forward_kernel<Cell, false>,
                    s, product);
    });
  float* const reset = layer.work + B * n;
  status = launch(ctx, how, forward_reset_kernel, s, product, reset);
  if (status == RN_OK)
    status = multiply(
        ctx, layer.precision,
        {B, H, H, {reset, H, s.reset_rounded}, layer.weight.at(2 * H, 0), true, layer.work, H});
  return status == RN_OK ? launch(ctx, how, forward_candidate_kernel, s, layer.work) : status;
}

int32_t step_backward(RnContext* ctx, const StepRecurrence& layer, const CellBackward& s) {
  const int64_t B = s.rows.batch, H = s.hidden;
  const int64_t gates = gates_of(layer.cell), slots = slots_of(layer.cell);
  const Launch how = over_units(s.rows, H);
  int32_t status = RN_OK;
  if (rn_cell(layer.cell)->products == 2) {
    status = launch(ctx, how, backward_candidate_kernel, s);
    if (status == RN_OK)
      status = multiply(ctx, layer.precision,
                        {B,
                         H,
                         H,
                         {s.dgates + 2 * H, slots * H, s.dgates_rounded.from_column(2 * H)},
                         layer.weight.at(2 * H, 0),
                         false,
                         layer.work,
                         H});
    if (status == RN_OK) status = launch(ctx, how, backward_reset_kernel, s, layer.work);
    if (status != RN_OK) return status;
    return multiply(
        ctx, layer.precision,
        {B, H, 2 * H, {s.dgates, slots * H, s.dgates_rounded}, layer.weight, false, s.dh, H, true});
  }
  float* const dproduct = rn_cell(layer.cell)->apart ? layer.work : nullptr;
  status = with_one_phase_cell(layer.cell, [&]<class Cell>() {
    return launch(ctx, how, backward_kernel<Cell>, s, dproduct);
  });
  if (status != RN_OK) return status;
  const LeftOperand of_gates = {s.dgates, slots * H, s.dgates_rounded};
  const LeftOperand of_product = {dproduct, gates * H, s.dproduct_rounded};
  return multiply(
      ctx, layer.precision,
      {B, H, gates * H, dproduct ? of_product : of_gates, layer.weight, false, s.dh, H, true});
}

}  // namespace rnnative::cuda

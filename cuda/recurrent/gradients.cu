// After the steps of a layer: with dgates of all tokens known,
//   dW = dgates^T x,  dR = (gradients of R h)^T h before the step,  dx = dgates W,
// and the biases' gradients are column sums. Each array is rounded for BF16 once, for all products
// that read it; the column sums are of the values before rounding.
#include "cuda/recurrent/gradient_run.cuh"

#include <algorithm>

#include <intrinsics.cuh>

#include "cuda/core/copy.cuh"
#include "cuda/core/reduction.cuh"
#include "cuda/gemm/operand.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct Before {
  Rows rows;
  int64_t tokens, hidden, width;  // N, P (H of a cell with a second phase), D*P
  int32_t cell, direction;
  bool two;               // whether the cell has a second phase
  const float* h;         // [N, D*P], from the direction's first column on
  const float* h0;        // [B, P] of the direction in the caller's order, or null
  const float* gates;     // [N, S*H] of the direction
  int64_t gate_row, ld;   // S*H; row stride of the results
  void *state, *operand;  // [N, P] h before each step, and what the second phase multiplied
  StateDropout dropout;   // of both
};

// Threads over columns (x) and tokens (y).
template <bool kBf16>
__global__ void before_kernel(Before s) {
  const int64_t j = first_index();
  if (j >= s.hidden) return;
  const auto put = [&](void* to, int64_t n, float value) {
    if (kBf16)
      static_cast<uint16_t*>(to)[n * s.ld + j] = static_cast<uint16_t>(pack_bf16(value, 0.0f));
    else
      static_cast<float*>(to)[n * s.ld + j] = value;
  };
  for (int64_t n = blockIdx.y; n < s.tokens; n += gridDim.y) {
    const int64_t token = s.rows.token(n);
    if (token < 0) {
      put(s.state, n, 0.0f);
      if (s.two) put(s.operand, n, 0.0f);
      continue;
    }
    const int64_t t = token / s.rows.batch;
    const int64_t i = n - s.rows.row(t, 0);
    const int64_t before = s.rows.row_before(t, i, s.direction);
    float h = 0.0f;
    if (before >= 0)
      h = s.h[before * s.width + j];
    else if (s.h0 != nullptr)
      h = s.h0[s.rows.place(i) * s.hidden + j];
    const float kept = s.dropout.factor(s.rows, s.direction, i, j);
    put(s.state, n, h * kept);
    if (!s.two) continue;
    with_cell(s.cell, [&]<class Cell>() {
      if constexpr (Cell::kTwoPhases) {
        BackwardUnit<Cell> unit = {};
#pragma unroll
        for (int g = 0; g < Cell::kGates; ++g)
          unit.slots[g] = s.gates[n * s.gate_row + g * s.hidden + j];
        unit.h_before = h;
        put(s.operand, n, Cell::First::operand(unit) * kept);
      }
    });
  }
}

struct BiasGradients {
  const float* sums;  // [S*H]
  RnGrad ih, hh;      // [G*H]
};

template <class Cell>
__global__ void bias_kernel(BiasGradients b, int64_t hidden) {
  for (int64_t j = first_index(); j < hidden; j += index_stride())
#pragma unroll
    for (int g = 0; g < Cell::kGates; ++g) {
      const int64_t at = g * hidden + j;
      put(b.ih, at, b.sums[at]);
      put(b.hh, at, b.sums[Cell::product_slot(g) * hidden + j]);
    }
}

// to [columns of a, columns of b] (+)= a^T b over all tokens.
int32_t over_tokens(RnContext* ctx, const GradientRun& run, const Operand& a, int64_t m,
                    const Operand& b, int64_t n, const RnGrad& grad, int64_t first_row) {
  Gemm product;
  product.m = m;
  product.n = n;
  product.k = run.tokens();
  product.trans_a = true;
  set_a(product, a);
  set_b(product, b);
  product.c = static_cast<float*>(grad.data) + first_row * n;
  product.ldc = n;
  product.add = grad.mode == RN_GRAD_ADD;
  product.precision = run.desc().precision;
  return gemm(ctx, product);
}

int32_t input_weight(RnContext* ctx, const GradientRun& run) {
  const RnGrad& grad = run.dslots().slot[RN_W_IH];
  if (grad.mode == RN_GRAD_SKIP) return RN_OK;
  return over_tokens(ctx, run, run.dgates, run.layout.gates * run.desc().hidden, run.input,
                     run.gradients.in, grad, 0);
}

int32_t recurrent_weight(RnContext* ctx, const GradientRun& run) {
  const RnGrad& grad = run.dslots().slot[RN_W_HH];
  if (grad.mode == RN_GRAD_SKIP) return RN_OK;
  const RnRecurrentDesc& desc = run.desc();
  const Layer& layer = run.layer.layer;
  const int64_t hidden = desc.hidden, state = desc.state;
  const bool bf16 = desc.precision == RN_PRECISION_BF16;
  const CellTraits& cell = run.layout.cell;
  Before s = {};
  s.rows = layer.sequence->rows;
  s.tokens = run.tokens();
  s.hidden = state;
  s.width = run.layout.width;
  s.cell = desc.cell;
  s.direction = static_cast<int32_t>(run.direction);
  s.two = cell.products == 2;
  s.h = run.layer.h + run.direction * state;
  s.h0 = layer.h0 ? layer.h0 + run.direction * desc.batch * state : nullptr;
  s.gates = run.own(run.layer.gates);
  s.gate_row = run.gate_row();
  s.ld = bf16 ? bf16_ld(state) : state;
  s.state = run.work.before[0];
  s.operand = run.work.before[1];
  s.dropout = layer.state_dropout;
  int32_t status = RN_OK;
  if (s.tokens > 0) {
    const Launch how = unit_by_token(state, s.tokens);
    status = launch(ctx, how, bf16 ? before_kernel<true> : before_kernel<false>, s);
  }
  const Operand before = {s.state, bf16, s.ld}, operand = {s.operand, bf16, s.ld};
  // Gates whose product has its gradient in another slot, or is with another operand.
  const int64_t together = desc.norm ? cell.gates : cell.apart ? cell.gates - 1 : cell.first_gates;
  const int64_t rest = cell.gates - together, slot = cell.apart ? cell.gates : together;
  if (status == RN_OK)
    status = over_tokens(ctx, run, run.dgates, together * hidden, before, state, grad, 0);
  if (status == RN_OK && rest > 0)
    status = over_tokens(ctx, run, run.dgates.at(0, slot * hidden), rest * hidden,
                         cell.products == 2 ? operand : before, state, grad, together * hidden);
  return status;
}

// Of W_HR, from the gradients of h and what that was made of.
int32_t projection_weight(RnContext* ctx, const GradientRun& run) {
  const RnGrad& grad = run.dslots().slot[RN_W_HR];
  if (!run.layout.projects() || grad.mode == RN_GRAD_SKIP) return RN_OK;
  const int64_t hidden = run.desc().hidden, state = run.desc().state;
  return over_tokens(ctx, run, run.dstate.at(0, run.direction * state), state,
                     run.made.at(0, run.direction * hidden), hidden, grad, 0);
}

int32_t biases(RnContext* ctx, const GradientRun& run) {
  const RnGrad &ih = run.dslots().slot[RN_B_IH], &hh = run.dslots().slot[RN_B_HH];
  if (ih.mode == RN_GRAD_SKIP && hh.mode == RN_GRAD_SKIP) return RN_OK;
  const int32_t status = sum_columns(ctx, run.own(run.layer.dgates), run.tokens(), run.gate_row(),
                                     run.gate_row(), {run.work.sums, RN_GRAD_WRITE});
  if (status != RN_OK) return status;
  const BiasGradients b = {run.work.sums, ih, hh};
  const int64_t hidden = run.desc().hidden;
  return with_cell(run.desc().cell, [&]<class Cell>() {
    return launch(ctx, over(hidden), bias_kernel<Cell>, b, hidden);
  });
}

// Of an x that holds W x of all directions side by side: the direction's part of it.
int32_t projected_gradient(RnContext* ctx, const GradientRun& run) {
  const RnGrad& grad = run.gradients.dinput;
  const int64_t width = run.layout.gates * run.desc().hidden;
  return copy_floats(ctx, {{run.tokens(), run.gate_row(), run.gradients.in}, {width, 1, 1}},
                     run.own(run.layer.dinputs()),
                     static_cast<float*>(grad.data) + run.direction * width,
                     grad.mode == RN_GRAD_ADD);
}

// Directions after the first add to what those before wrote.
int32_t input_gradient(RnContext* ctx, const GradientRun& run) {
  const RnGrad& grad = run.gradients.dinput;
  if (grad.mode == RN_GRAD_SKIP) return RN_OK;
  if (run.gradients.slots[run.direction].slot[RN_W_IH].data == nullptr)
    return projected_gradient(ctx, run);
  const RnRecurrentDesc& desc = run.desc();
  const int64_t rows = run.layout.gates * desc.hidden;
  Operand weight;
  const int32_t status =
      weight_operand(ctx, desc.precision, run.gradients.slots[run.direction].slot[RN_W_IH], rows,
                     run.gradients.in, &weight);
  if (status != RN_OK) return status;
  Gemm product;
  product.m = run.tokens();
  product.n = run.gradients.in;
  product.k = rows;
  set_a(product, run.dgates);
  set_b(product, weight);
  product.c = static_cast<float*>(grad.data);
  product.ldc = run.gradients.in;
  product.add = grad.mode == RN_GRAD_ADD || run.direction > 0;
  product.precision = desc.precision;
  return gemm(ctx, product);
}

}  // namespace

int32_t GradientWork::allocate(RnContext* ctx, const RecurrentLayout& layout,
                               const Sequence& sequence) {
  const RnRecurrentDesc& desc = layout.desc;
  const int64_t n = sequence.tokens, gate_row = layout.slots * desc.hidden;
  const int64_t widest = desc.layers > 1 ? std::max(layout.width, desc.input) : desc.input;
  int32_t status = operand_buffer(ctx, desc.precision, n, widest, &input);
  if (status == RN_OK) status = operand_buffer(ctx, desc.precision, n, gate_row, &dgates);
  for (int i = 0; status == RN_OK && i < (layout.cell.products == 2 ? 2 : 1); ++i) {
    uint16_t* rounded = nullptr;
    status = operand_buffer(ctx, desc.precision, n, desc.state, &rounded);
    before[i] = rounded;
    if (desc.precision == RN_PRECISION_BF16) continue;
    before[i] = scratch_of<float>(ctx, n * desc.state);
    if (before[i] == nullptr) status = RN_ERR_OUT_OF_MEMORY;
  }
  if (status == RN_OK && layout.projects())
    status = operand_buffer(ctx, desc.precision, n, layout.width, &dstate);
  if (status == RN_OK && layout.projects())
    status = operand_buffer(ctx, desc.precision, n, layout.units, &made);
  if (status != RN_OK) return status;
  const int64_t columns = std::max<int64_t>(layout.cell.peepholes != 0 ? RN_PEEPHOLES : 0,
                                            desc.norm ? layout.gates : 0);
  if (columns > 0) {
    terms = scratch_of<float>(ctx, n * columns * desc.hidden);
    if (terms == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  sums = scratch_of<float>(ctx, gate_row);
  return sums == nullptr ? RN_ERR_OUT_OF_MEMORY : RN_OK;
}

int32_t layer_gradients(RnContext* ctx, const RecurrentLayout& layout, const GradientWork& work,
                        const LayerBackward& layer, const LayerGradients& gradients) {
  const RnRecurrentDesc& desc = layout.desc;
  GradientRun run = {layout, work, layer, gradients, 0, {}, {}, {}, {}};
  int32_t status = RN_OK;
  if (layout.projects())
    status = make_operand(ctx, desc.precision, layer.dstate, run.tokens(), layout.width,
                          layout.width, work.dstate, &run.dstate);
  if (status == RN_OK && layout.projects())
    status = make_operand(ctx, desc.precision, layer.made, run.tokens(), layout.units, layout.units,
                          work.made, &run.made);
  if (status == RN_OK && gradients.input != nullptr &&
      gradients.slots[0].slot[RN_W_IH].data != nullptr)
    status = make_operand(ctx, desc.precision, gradients.input, run.tokens(), gradients.in,
                          gradients.in, work.input, &run.input);
  for (run.direction = 0; status == RN_OK && run.direction < desc.directions; ++run.direction) {
    status = run.round(ctx, layer.dinputs());
    if (status == RN_OK) status = input_weight(ctx, run);
    if (status == RN_OK) status = input_gradient(ctx, run);
    if (status == RN_OK && desc.norm) status = run.round(ctx, layer.raw_h);
    if (status == RN_OK) status = recurrent_weight(ctx, run);
    if (status == RN_OK) status = projection_weight(ctx, run);
    if (status == RN_OK) status = biases(ctx, run);
    if (status == RN_OK) status = peephole_gradients(ctx, run);
    if (status == RN_OK && desc.norm)
      status = norm_gradients(ctx, layout, work, layer, run.dslots(), run.direction);
  }
  return status;
}

}  // namespace rnnative::cuda

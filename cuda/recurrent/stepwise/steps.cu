// The stepwise tier, forward: for what no chip holds, R too large or rows too many, and for what
// takes its steps one at a time.
#include "cuda/recurrent/stepwise/forward_unit.cuh"
#include "cuda/recurrent/stepwise/norm.cuh"
#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

using namespace forward;

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
  product.skinny = !layer.norm && skinny &&
                   s.rows.batch <= skinny_rows<ForwardStep>(layer.precision == RN_PRECISION_BF16);
  if (!product.skinny) {
    product.sums = scratch_of<float>(ctx, s.rows.batch * s.units * cell.gates);
    if (product.sums == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  if (layer.norm && cell.has_c) {
    norm_made = scratch_of<float>(ctx, s.rows.batch * s.units);
    if (norm_made == nullptr) return RN_ERR_OUT_OF_MEMORY;
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
  int32_t status =
      layer.norm ? normed_step(ctx, args, s, product, norm_made)
                 : with_cell(layer.cell, [&]<class Cell>() {
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

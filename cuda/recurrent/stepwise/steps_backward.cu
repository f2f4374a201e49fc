// The stepwise tier, backward. A phase adds the product of the later step's gradients with R to
// what else reaches the state, and makes of the sum this step's gradients before the activations.
// Rows that do not take part in a step count as zeros in its product, so the gradient of each row's
// state waits, unchanged, for the row's first step, or for the end after its last.
#include "cuda/recurrent/stepwise/backward_unit.cuh"
#include "cuda/recurrent/stepwise/norm.cuh"
#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

using namespace backward;

// Before the cell where h is projected: the gradient of h, which waits where the row has no step.
struct AboveProjection {
  static constexpr int kGroups = 1;
  using Step = BackwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    const Unit unit(s, d, i, j, s.state, s.width);
    float dh = state_gradient(s, unit, sum[0] * s.dropout.factor(s.rows, d, i, j));
    const float here_passed =
        unit.active && s.zoneout.h.present() ? passed(s, s.zoneout.h, unit, &dh) : 0.0f;
    const float here = unit.active ? dh : 0.0f;
    s.dh[unit.state] = unit.active ? here_passed : dh;
    s.inner.put(d, i, j, here);
    if (unit.active || s.rows.in_place()) s.dstate[unit.at(unit.row)] = here;
  }
};

// After the last step: the gradient of the initial state.
struct Final {
  static constexpr int kGroups = 1;
  using Step = BackwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    const StateGradient& above = s.more.above[0];
    float more = sum[0] * s.dropout.factor(s.rows, d, i, j);
    if (above.data != nullptr) more += above.data[i * above.stride + j];
    s.dh[(d * s.rows.batch + i) * s.state + j] += more;
  }
};

}  // namespace

int32_t StepwiseBackward::prepare(RnContext* ctx, const LayerBackward& given, bool skinny) {
  args = given;
  const Layer& layer = args.layer;
  const Sequence& sequence = *layer.sequence;
  const int64_t rows = layer.directions * sequence.rows.batch;
  cell = traits_of(layer.cell);
  s.rows = sequence.rows;
  s.cell = layer.cell;
  s.hidden = layer.hidden;
  s.state = layer.state;
  s.width = layer.directions * layer.state;
  s.units = layer.directions * layer.hidden;
  s.projects = layer.state != layer.hidden;
  s.gate_row = cell.slots * layer.hidden;
  s.gate_group = sequence.tokens * s.gate_row;
  s.gates = args.gates;
  s.h = args.h;
  s.c = args.c;
  s.dy = args.dy;
  s.h0 = layer.h0;
  s.c0 = layer.c0;
  s.dgates = args.dgates;
  s.dstate = args.dstate;
  s.dropout = layer.state_dropout;
  s.zoneout = layer.zoneout;
  for (int64_t d = 0; d < layer.directions; ++d) s.variant[d] = layer.variant[d];
  s.dh = scratch_of<float>(ctx, rows * layer.state);
  s.dc = cell.has_c ? scratch_of<float>(ctx, rows * layer.hidden) : nullptr;
  if (s.dh == nullptr || (cell.has_c && s.dc == nullptr)) return RN_ERR_OUT_OF_MEMORY;
  product.skinny =
      !layer.norm && skinny &&
      sequence.rows.batch <= skinny_rows<BackwardStep>(layer.precision == RN_PRECISION_BF16);
  if (!product.skinny) {
    product.sums = scratch_of<float>(ctx, rows * layer.hidden);
    if (product.sums == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  if (layer.norm && cell.has_c) {
    norm_rows = scratch_of<float>(ctx, 2 * rows * layer.hidden);
    if (norm_rows == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  int32_t status = RN_OK;
  // Rows that no step has reached yet count as zeros.
  for (StepOperand& operand : gradients) {
    if (status == RN_OK) status = operand.allocate(ctx, layer, cell.first_gates * layer.hidden);
    if (status == RN_OK) status = operand.clear(ctx, layer.directions);
  }
  const int64_t inner = cell.gates - cell.first_gates;  // gates of the second phase
  if (status == RN_OK && inner > 0) status = s.inner.allocate(ctx, layer, inner * layer.hidden);
  if (status == RN_OK && s.projects) status = s.inner.allocate(ctx, layer, layer.state);
  if (status == RN_OK) status = sort_states(ctx, layer, layer.state, args.dhn, s.dh);
  if (status == RN_OK && cell.has_c) status = sort_states(ctx, layer, layer.hidden, args.dcn, s.dc);
  for (int phase = 0; status == RN_OK && phase < (cell.products == 2 ? 2 : 1); ++phase) {
    const int64_t first = phase == 0 ? 0 : cell.first_gates;
    const int64_t count = phase == 0 ? cell.first_gates : inner;
    status = product.skinny ? recurrent_columns(ctx, layer, first, count, &weights[phase])
                            : recurrent_rows(ctx, layer, first, false, &weights[phase]);
  }
  if (status == RN_OK && s.projects)
    status = product.skinny ? projection_columns(ctx, layer, &weights[1])
                            : projection_rows(ctx, layer, false, &weights[1]);
  return status;
}

int32_t StepwiseBackward::step(RnContext* ctx, int64_t index, const StepGradients& more) {
  const Layer& layer = args.layer;
  const Sequence& sequence = *layer.sequence;
  s.step = index;
  s.more = more;
  s.next = gradients[(index + 1) & 1];
  // Rows join direction 0 and leave direction 1, each after a product that still counts.
  product.rows =
      layer.directions == 2 ? s.rows.batch : sequence.active_at(sequence.rows.time - 1 - index);
  product.operand = index == 0 ? nullptr : &gradients[index & 1];
  product.k = cell.first_gates * layer.hidden;
  product.weights = weights[0];
  product.outputs = layer.state;
  if (s.projects) {
    const int32_t status = run_phase<AboveProjection>(ctx, layer, s, product);
    if (status != RN_OK) return status;
    product.operand = &s.inner;
    product.k = layer.state;
    product.weights = weights[1];
    product.outputs = layer.hidden;
    return first_phase(ctx);
  }
  const int32_t status = first_phase(ctx);
  if (status != RN_OK || cell.products == 1) return status;
  product.operand = &s.inner;
  product.k = (cell.gates - cell.first_gates) * layer.hidden;
  product.weights = weights[1];
  return run_phase<Phase<false>>(ctx, layer, s, product);
}

int32_t StepwiseBackward::first_phase(RnContext* ctx) {
  if (args.layer.norm) return normed_step_backward(ctx, args, s, product, norm_rows);
  return run_phase<Phase<true>>(ctx, args.layer, s, product);
}

int32_t StepwiseBackward::finish(RnContext* ctx, const StateGradient& above) {
  const Layer& layer = args.layer;
  const int64_t steps = layer.sequence->rows.time;
  if (layer.sequence->tokens > 0 && args.dh0.mode != RN_GRAD_SKIP) {
    s.more = {};
    s.more.above[0] = above;
    product.rows = s.rows.batch;
    product.operand = &gradients[steps & 1];
    product.k = cell.first_gates * layer.hidden;
    product.weights = weights[0];
    product.outputs = layer.state;
    const int32_t status = run_phase<Final>(ctx, layer, s, product);
    if (status != RN_OK) return status;
  }
  const int32_t status = unsort_states(ctx, layer, layer.state, s.dh, args.dh0);
  if (status != RN_OK || !cell.has_c) return status;
  return unsort_states(ctx, layer, layer.hidden, s.dc, args.dc0);
}

int32_t stepwise_backward(RnContext* ctx, const LayerBackward& args) {
  const Sequence& sequence = *args.layer.sequence;
  StepwiseBackward run;
  int32_t status = run.prepare(ctx, args, true);
  if (sequence.tokens > 0)
    for (int64_t step = 0; status == RN_OK && step < sequence.rows.time; ++step)
      status = run.step(ctx, step);
  return status == RN_OK ? run.finish(ctx) : status;
}

}  // namespace rnnative::cuda

// The stepwise tier, backward. A phase adds the product of the later step's gradients with R to
// what else reaches the state, and makes of the sum this step's gradients before the activations.
// Rows that do not take part in a step count as zeros in its product, so the gradient of each row's
// state waits, unchanged, for the row's first step, or for the end after its last.
#include <type_traits>

#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

struct Unit {
  int64_t d, i, j;
  bool active;
  int64_t t, row, before;  // time; rows in arrays, `before` -1: follows the initial state
  int64_t state;           // place in [D, B, extent]
  int64_t extent, width;   // units, or features of h; those of all directions

  __device__ Unit(const BackwardStep& s, int64_t d, int64_t i, int64_t j, int64_t extent,
                  int64_t width)
      : d(d), i(i), j(j), extent(extent), width(width) {
    t = d == 0 ? s.rows.time - 1 - s.step : s.step;
    active = t < s.rows.length(i);
    row = active || s.rows.in_place() ? s.rows.row(t, i) : 0;
    before = active ? s.rows.row_before(t, i, static_cast<int>(d)) : 0;
    state = (d * s.rows.batch + i) * extent + j;
  }
  __device__ int64_t at(int64_t row) const { return row * width + d * extent + j; }
  __device__ int64_t gate(const BackwardStep& s) const {
    return d * s.gate_group + row * s.gate_row + j;
  }
  // The state before the step, of all steps' states and the initial ones.
  __device__ float state_before(const BackwardStep& s, const float* states,
                                const float* initial) const {
    if (before >= 0) return states[at(before)];
    if (initial == nullptr) return 0.0f;
    return initial[(d * s.rows.batch + s.rows.place(i)) * extent + j];
  }
};

__device__ float value_of(const StateGradient& gradient, const Unit& unit) {
  return gradient.data == nullptr ? 0.0f : gradient.data[unit.i * gradient.stride + unit.j];
}
// The gradient of the state after the step.
__device__ float state_gradient(const BackwardStep& s, const Unit& unit, float sum) {
  float dh = s.dh[unit.state] + sum;
  if (!unit.active) return dh;
  if (s.dy != nullptr) dh += s.dy[unit.at(unit.row)];
  const StepGradients& more = s.more;
  if (more.above[0].data != nullptr)
    dh += value_of(more.above[0], unit) *
          more.dropout.factor(s.rows.place(unit.i), unit.t * s.width + unit.j);
  return dh + value_of(more.above[1], unit);
}

// Of the gradient of a state after the step: what zoneout passes on, the rest being the cell's.
__device__ float passed(const BackwardStep& s, const Zone& zone, const Unit& at, float* gradient) {
  const float kept = zone.kept(s.rows, at.d, at.t, at.i, at.j), all = *gradient;
  *gradient = (1.0f - kept) * all;
  return kept * all;
}

// The phase that comes first in backward is the last of forward's; kFirst: of one or two. Whatever
// the cell, there is one sum: so one kernel serves all.
template <bool kFirst>
struct Phase {
  static constexpr int kGroups = 1;
  using Step = BackwardStep;

  __device__ static void update(const Step& s, int64_t d, int64_t i, int64_t j,
                                const float (&sum)[1]) {
    with_cell(s.cell, [&]<class Cell>() {
      if constexpr (kFirst || Cell::kTwoPhases) update_cell<Cell>(s, d, i, j, sum[0]);
    });
  }
  template <class Cell>
  __device__ static void update_cell(const Step& s, int64_t d, int64_t i, int64_t j, float sum) {
    using Of = std::conditional_t<kFirst, typename Cell::Last, typename Cell::First>;
    const Unit unit(s, d, i, j, s.hidden, s.units);
    const bool projects = Cell::kHasC && s.projects;
    BackwardUnit<Cell> u;
    if constexpr (Cell::kOptions) u.variant = {&s.variant[d], j};
#pragma unroll
    for (float& gradient : u.d) gradient = 0.0f;
    if (!projects) sum *= s.dropout.factor(s.rows, d, i, j);
    u.dh_before = projects ? sum : kFirst ? state_gradient(s, unit, sum) : s.dh[unit.state];
    if (unit.active) {
      const float* gates = s.gates + unit.gate(s);
#pragma unroll
      for (int slot = 0; slot < Cell::kSlots; ++slot) u.slots[slot] = gates[slot * s.hidden];
      u.h_before = projects ? 0.0f : unit.state_before(s, s.h, s.h0);
      if (Cell::kHasC) {
        u.dc_after = s.dc[unit.state];
        u.c_after = s.c[unit.at(unit.row)];
        u.c_before = unit.state_before(s, s.c, s.c0);
      }
      u.dh_after = u.dh_before;
      u.d_extra = sum;
      // What passes by the cell.
      float h_passed = 0.0f, c_passed = 0.0f;
      if constexpr (kFirst) {
        if (s.zoneout.h.present() && !projects)
          h_passed = passed(s, s.zoneout.h, unit, &u.dh_after);
        if constexpr (Cell::kHasC) {
          if (s.zoneout.c.present()) {
            c_passed = passed(s, s.zoneout.c, unit, &u.dc_after);
            u.c_after = Cell::state(u);  // the cell's own
          }
        }
      }
      u.template step<Of>();
      u.dh_before += h_passed;
      if (Cell::kHasC) s.dc[unit.state] = u.dc_before + c_passed;
    }
    if (!projects) s.dh[unit.state] = u.dh_before;
    put<Cell, Of>(s, unit, u.d);
  }
  template <class Cell, class Of>
  __device__ static void put(const Step& s, const Unit& unit, const float (&d)[Cell::kSlots]) {
    constexpr int kInner = Cell::First::kGates;  // gates from here on are of the second phase
    float* dgates = s.dgates + unit.gate(s);
    const bool stored = unit.active || s.rows.in_place();
#pragma unroll
    for (int g = Of::kFirstMade; g < Of::kFirstMade + Of::kMade; ++g) {
      if (stored) dgates[g * s.hidden] = d[g];
      s.more.dgates.put(unit.i, g * s.hidden + unit.j, d[g]);
      const float of_product = d[Cell::product_slot(g)];
      if (g < kInner)
        s.next.put(unit.d, unit.i, g * s.hidden + unit.j, of_product);
      else
        s.inner.put(unit.d, unit.i, (g - kInner) * s.hidden + unit.j, of_product);
    }
    if (Cell::kSlots > Cell::kGates && stored)
      dgates[Cell::kGates * s.hidden] = d[Cell::kSlots - 1];
  }
};

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
  product.skinny = skinny && sequence.rows.batch <=
                                 skinny_rows<BackwardStep>(layer.precision == RN_PRECISION_BF16);
  if (!product.skinny) {
    product.sums = scratch_of<float>(ctx, rows * layer.hidden);
    if (product.sums == nullptr) return RN_ERR_OUT_OF_MEMORY;
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
    return run_phase<Phase<true>>(ctx, layer, s, product);
  }
  const int32_t status = run_phase<Phase<true>>(ctx, layer, s, product);
  if (status != RN_OK || cell.products == 1) return status;
  product.operand = &s.inner;
  product.k = (cell.gates - cell.first_gates) * layer.hidden;
  product.weights = weights[1];
  return run_phase<Phase<false>>(ctx, layer, s, product);
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

// The recurrent stack, backward through time. A step's gradients before the activations follow from
// those of the step after it: a product with R whose tiles pass straight into the cell's
// elementwise backward (recurrent_backward_step.h). Everything that needs no order in time is left
// to GEMMs over all real tokens: the weights' gradients, the biases' and the input's. Sums over
// tokens are formed in packed order, so nothing depends on the number of threads.
#include "native/cpu/kernels.h"
#include "native/cpu/recurrent_backward_step.h"
#include "native/cpu/recurrent_dropout.h"
#include "native/cpu/recurrent_gradients.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <class Phase>
int products_of(RnContext* ctx, const BackwardRun& run, int first, PhaseProducts* out) {
  constexpr int kCount = sizeof(Phase::kProducts) / sizeof(ProductSpec);
  const RnRecurrentBackward& args = *run.args;
  const RnWeight& w = args.slots[run.index].w_hh;
  const int64_t hidden = run.layout.hidden;
  *out = {Phase::kProducts, kCount, {}};
  for (int i = 0; i < kCount; ++i) {
    const ProductSpec& spec = Phase::kProducts[i];
    const int64_t k = spec.gates * hidden;
    int32_t fresh = 0;
    float* packed = packed_weight(ctx, w, packed_kind(args.desc.cell, kPackedBackward + first + i),
                                  packed_floats(k, hidden), &fresh);
    if (!packed) return -1;
    if (fresh)
      pack_matrix(ctx, (const float*)w.data + spec.first_gate * hidden * hidden, hidden, false, k,
                  hidden, nullptr, packed);
    out->packed[i] = packed;
  }
  return first + kCount;
}
template <class... Phase>
bool pack_products(Phases<Phase...>, RnContext* ctx, const BackwardRun& run, PhaseProducts* out) {
  int next = 0, i = 0;
  ((next = next < 0 ? -1 : products_of<Phase>(ctx, run, next, &out[i++])), ...);
  return next >= 0;
}

BackwardStep step_of(const BackwardRun& run, int64_t s) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const RnRecurrentBackward& args = *run.args;
  const int64_t t = q.time_of(s, run.direction), row = q.offset[t];
  const int64_t then = q.active(q.time_of(s + 1, run.direction));
  const int64_t states = run.index * q.batch * l.hidden;
  const Saved& saved = run.saved;
  BackwardStep step = {};
  step.rows = q.active(t);
  step.continuing = then < step.rows ? then : step.rows;
  step.hidden = l.hidden;
  step.stride = l.stride;
  step.gates = saved.gates + row * l.gate_stride;
  step.gate_stride = l.gate_stride;
  step.h_prev = saved.h_prev + row * l.stride;
  step.c_prev = saved.c_prev ? saved.c_prev + row * l.stride : nullptr;
  step.extra = saved.extra ? saved.extra + row * l.stride : nullptr;
  step.dy = run.dy ? run.dy + (run.last ? t * q.batch : row) * l.width : nullptr;
  step.dy_stride = l.width;
  step.dy_order = run.last && !q.dense ? q.order : nullptr;
  step.dhn = args.dhn ? (const float*)args.dhn + states : nullptr;
  step.dcn = args.dcn ? (const float*)args.dcn + states : nullptr;
  step.order = q.order;
  step.dgates = run.work.dgates + row * l.traits.gates * l.hidden;
  step.dextra = run.work.dextra ? run.work.dextra + row * l.hidden : nullptr;
  step.carry_h = run.work.carry_h;
  step.carry_c = run.work.carry_c;
  return step;
}

template <class Phase>
void run_phase(const BackwardRun& run, const BackwardStep& step, int64_t s,
               const PhaseProducts& phase, const Place& place, float* sums) {
  const Sequence& q = *run.sequence;
  const bool current = phase.specs[0].current;
  const int64_t t = q.time_of(current ? s : s + 1, run.direction);
  const int64_t rows = current ? step.rows : step.continuing;
  Product products[2] = {};
  for (int i = 0; i < phase.count; ++i) {
    const Operand a = operand_of(run, phase.specs[i], rows > 0 ? q.offset[t] : 0);
    products[i] = {a.data, a.ld, phase.specs[i].gates * step.hidden, phase.packed[i]};
  }
  backward_phase<Phase>(step, products, rows, place, sums);
}

template <class... Phase>
int32_t run_steps(Phases<Phase...>, RnContext* ctx, const BackwardRun& run,
                  const PhaseProducts* phases) {
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden;
  const StepShape shape = {q.batch, run.layout.traits.gates * hidden,
                           (hidden + kPanel - 1) / kPanel, kTileRows, kPanelVectors};
  return run_grid(ctx, shape, [&](const Place& place, float* sums, const auto& sync) {
    for (int64_t s = q.steps - 1; s >= 0; --s) {
      const BackwardStep step = step_of(run, s);
      int i = 0;
      ((run_phase<Phase>(run, step, s, phases[i++], place, sums), sync()), ...);
    }
  });
}

template <class Cell>
int32_t run_backward(RnContext* ctx, const BackwardRun& run) {
  PhaseProducts phases[Cell::BackwardPhases::kCount];
  if (!pack_products(typename Cell::BackwardPhases(), ctx, run, phases))
    return RN_ERR_OUT_OF_MEMORY;
  int32_t status = run_steps(typename Cell::BackwardPhases(), ctx, run, phases);
  if (status == RN_OK) status = initial_state_gradients<Cell>(ctx, run, phases);
  if (status == RN_OK) status = recurrent_gradients(ctx, run, phases, Cell::BackwardPhases::kCount);
  if (status == RN_OK) status = bias_gradients(ctx, run);
  if (status == RN_OK) status = input_gradients(ctx, run);
  return status;
}

bool make_work(RnContext* ctx, const Layout& l, const Sequence& q, Work* out) {
  out->dgates = scratch_floats(ctx, q.rows * l.traits.gates * l.hidden);
  out->dextra = l.traits.has_dextra ? scratch_floats(ctx, q.rows * l.hidden) : nullptr;
  out->carry_h = scratch_floats(ctx, 2 * q.batch * l.stride);
  out->carry_c = out->carry_h + q.batch * l.stride;
  return out->dgates && out->carry_h && (out->dextra || !l.traits.has_dextra);
}

}  // namespace

int32_t recurrent_backward(RnContext* ctx, const RnRecurrentBackward* args) {
  const RnRecurrentDesc& desc = args->desc;
  Sequence sequence;
  int32_t status = make_sequence(ctx, args->lengths, desc.time, desc.batch, &sequence);
  if (status != RN_OK) return status;
  const CellTraits traits = with_cell(desc.cell, []<class Cell>() { return traits_of<Cell>(); });
  const Layout layout = make_layout(desc, traits);
  float* reserve = (float*)args->reserve;  // only read
  Work work;
  if (!make_work(ctx, layout, sequence, &work)) return RN_ERR_OUT_OF_MEMORY;

  const bool dx_wanted = wanted(args->dx), dense = sequence.dense;
  const float* x = (const float*)args->x;
  float* packed_dx = nullptr;  // layer 0's dx where packed rows are not the caller's
  if (!dense) {
    float* packed = scratch_floats(ctx, sequence.rows * desc.input);
    if (dx_wanted) packed_dx = scratch_floats(ctx, sequence.rows * desc.input);
    if (!packed || (dx_wanted && !packed_dx)) return RN_ERR_OUT_OF_MEMORY;
    gather_rows(ctx, sequence, desc.input, x, packed);
    x = packed;
  }
  float* between[2] = {nullptr, nullptr};  // gradients of the outputs between layers
  for (int i = 0; i < 2 && i < desc.layers - 1; ++i)
    if (!(between[i] = scratch_floats(ctx, sequence.rows * layout.width)))
      return RN_ERR_OUT_OF_MEMORY;

  const float* dy = (const float*)args->dy;
  for (int layer = desc.layers - 1; layer >= 0; --layer) {
    float* dx = layer > 0    ? between[(layer - 1) & 1]
                : !dx_wanted ? nullptr
                : dense      ? (float*)args->dx.data
                             : packed_dx;
    for (int direction = 0; direction < desc.directions; ++direction) {
      BackwardRun run = {};
      run.args = args;
      run.sequence = &sequence;
      run.layout = layout;
      run.direction = direction;
      run.index = layer * desc.directions + direction;
      run.in = layer == 0 ? desc.input : layout.width;
      run.x = layer == 0 ? x : layout.output(reserve, layer - 1);
      run.dy = dy ? dy + direction * desc.hidden : nullptr;
      run.last = layer == desc.layers - 1;
      run.dx = dx;
      run.add_dx = direction > 0 || (layer == 0 && dense && adds(args->dx));
      run.saved = layout.saved(reserve, run.index);
      run.work = work;
      status = with_cell(desc.cell, [&]<class Cell>() { return run_backward<Cell>(ctx, run); });
      if (status != RN_OK) return status;
    }
    if (layer > 0) drop_rows(ctx, desc, sequence, layer - 1, dx);
    dy = dx;
  }
  if (packed_dx) {
    scatter_rows(ctx, sequence, desc.input, packed_dx, (float*)args->dx.data, adds(args->dx));
    if (!adds(args->dx)) clear_padding(sequence, desc.input, (float*)args->dx.data);
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

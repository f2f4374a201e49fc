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
    void* packed = packed_weight(ctx, w, packed_kind(args.desc, kPackedBackward + first + i),
                                 packed_bytes(args.desc.precision, k, hidden), &fresh);
    if (!packed) return -1;
    if (fresh)
      pack_matrix(ctx, args.desc.precision,
                  (const float*)w.data + spec.first_gate * hidden * hidden, hidden, false, k,
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

// Where step s keeps its rounded gradients.
struct RoundedWork {
  Bf16::Left *dgates, *dextra;
  int64_t gates_stride, extra_stride;
};
RoundedWork rounded_of(const BackwardRun& run, int64_t s) {
  const Layout& l = run.layout;
  const int64_t gates = turns_of<Bf16>(l.traits.gates * l.hidden);
  const int64_t extra = turns_of<Bf16>(l.hidden), row = (s & 1) * run.sequence->batch;
  Bf16::Left *dgates = run.work.rounded_dgates, *dextra = run.work.rounded_dextra;
  return {dgates ? dgates + row * gates : nullptr, dextra ? dextra + row * extra : nullptr, gates,
          extra};
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
  const RoundedWork rounded = rounded_of(run, s);
  step.rounded_dgates = rounded.dgates;
  step.rounded_dextra = rounded.dextra;
  step.rounded_gates_stride = rounded.gates_stride;
  step.rounded_extra_stride = rounded.extra_stride;
  return step;
}

// The left operand of a product that reads the gradients of step s.
template <class E>
Product<E> product_of(const BackwardRun& run, const ProductSpec& spec, int64_t s,
                      const void* packed) {
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden, k = spec.gates * hidden;
  const auto* right = (const typename E::Right*)packed;
  if constexpr (E::kPrecision == RN_PRECISION_F32) {
    const int64_t t = q.time_of(s, run.direction);
    const Operand a = operand_of(run, spec, q.active(t) > 0 ? q.offset[t] : 0);
    return {a.data, a.ld, k, right};
  } else {
    const RoundedWork rounded = rounded_of(run, s);
    if (spec.extra) return {rounded.dextra, rounded.extra_stride, k, right};
    const int64_t before = turns_of<Bf16>(spec.first_gate * hidden);
    return {rounded.dgates + before, rounded.gates_stride, k, right};
  }
}

template <class E, class Phase>
void run_phase(const BackwardRun& run, const BackwardStep& step, int64_t s,
               const PhaseProducts& phase, const Place& place, float* sums) {
  const bool current = phase.specs[0].current;
  Product<E> products[2] = {};
  for (int i = 0; i < phase.count; ++i)
    products[i] = product_of<E>(run, phase.specs[i], current ? s : s + 1, phase.packed[i]);
  backward_phase<E, Phase>(step, products, current ? step.rows : step.continuing, place, sums);
}

template <class E, class... Phase>
int32_t run_steps(Phases<Phase...>, RnContext* ctx, const BackwardRun& run,
                  const PhaseProducts* phases) {
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden;
  const StepShape shape = {q.batch,
                           turns_of<E>(run.layout.traits.gates * hidden),
                           (hidden + kPanel - 1) / kPanel,
                           kTileRows,
                           kPanelVectors,
                           sizeof(typename E::Right)};
  return run_grid(ctx, shape, [&](const Place& place, float* sums, const auto& sync) {
    for (int64_t s = q.steps - 1; s >= 0; --s) {
      const BackwardStep step = step_of(run, s);
      int i = 0;
      ((run_phase<E, Phase>(run, step, s, phases[i++], place, sums), sync()), ...);
    }
  });
}

template <class Cell>
int32_t run_backward(RnContext* ctx, const BackwardRun& run) {
  PhaseProducts phases[Cell::BackwardPhases::kCount];
  if (!pack_products(typename Cell::BackwardPhases(), ctx, run, phases))
    return RN_ERR_OUT_OF_MEMORY;
  int32_t status = with_element(run.args->desc.precision, [&]<class E>() {
    return run_steps<E>(typename Cell::BackwardPhases(), ctx, run, phases);
  });
  if (status == RN_OK) status = initial_state_gradients<Cell>(ctx, run, phases);
  if (status == RN_OK) status = recurrent_gradients(ctx, run, phases, Cell::BackwardPhases::kCount);
  if (status == RN_OK) status = bias_gradients(ctx, run);
  if (status == RN_OK) status = input_gradients(ctx, run);
  return status;
}

bool make_work(RnContext* ctx, const Layout& l, const Sequence& q, int32_t precision, Work* out) {
  *out = {};
  out->dgates = scratch_floats(ctx, q.rows * l.traits.gates * l.hidden);
  out->dextra = l.traits.has_dextra ? scratch_floats(ctx, q.rows * l.hidden) : nullptr;
  out->carry_h = scratch_floats(ctx, 2 * q.batch * l.stride);
  out->carry_c = out->carry_h + q.batch * l.stride;
  if (!out->dgates || !out->carry_h || (l.traits.has_dextra && !out->dextra)) return false;
  if (precision == RN_PRECISION_F32) return true;
  const int64_t gates = 2 * q.batch * turns_of<Bf16>(l.traits.gates * l.hidden);
  const int64_t extra = l.traits.has_dextra ? 2 * q.batch * turns_of<Bf16>(l.hidden) : 0;
  out->rounded_dgates = (Bf16::Left*)scratch_floats(ctx, gates + extra);
  if (!out->rounded_dgates) return false;
  // Only the padding of an odd k must be zero, and stays so.
  memset(out->rounded_dgates, 0, (size_t)(gates + extra) * sizeof(Bf16::Left));
  if (extra > 0) out->rounded_dextra = out->rounded_dgates + gates;
  return true;
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
  if (!make_work(ctx, layout, sequence, desc.precision, &work)) return RN_ERR_OUT_OF_MEMORY;

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

// The recurrent stack, backward through time. A step's gradients before the activations follow from
// those of the step after it: a product with R whose tiles pass straight into the cell's
// elementwise backward (recurrent_backward_step.h). Everything that needs no order in time is left
// to GEMMs over all real tokens: the weights' gradients, the biases' and the input's. Sums over
// tokens are formed in packed order, so nothing depends on the number of threads.
#include "native/abi/backend.h"
#include "native/cpu/recurrent/backward_run.h"
#include "native/cpu/recurrent/dropout.h"
#include "native/cpu/recurrent/steps.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <class Cell>
int32_t run_backward(RnContext* ctx, BackwardRun run) {
  PhaseProducts phases[Cell::BackwardPhases::kCount];
  int32_t status = RN_OK;
  const RnRecurrentSlots& slots = run.args->slots[run.index];
  if (!take_variant<Cell>(ctx, run.args->desc, slots, run.layout, &run.variant) ||
      !take_norm(ctx, run.args->desc, slots, run.layout, &run.norm))
    return RN_ERR_OUT_OF_MEMORY;
  {
    const ScratchScope scope(ctx);
    if (!pack_products(typename Cell::BackwardPhases(), ctx, run, phases))
      return RN_ERR_OUT_OF_MEMORY;
    status = backward_steps(ctx, run.args->desc, &run, phases, 0, run.sequence->steps);
    if (status == RN_OK) status = initial_state_gradients<Cell>(ctx, run, phases);
  }
  if (status == RN_OK) status = recurrent_gradients(ctx, run, phases, Cell::BackwardPhases::kCount);
  if (status == RN_OK) status = bias_gradients<Cell>(ctx, run);
  if (status == RN_OK) status = input_gradients(ctx, run);
  return status;
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
    gather_rows(ctx, sequence, desc.input, x, packed, desc.input);
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
      run.dy = dy ? dy + direction * desc.state : nullptr;
      run.last = layer == desc.layers - 1;
      run.dx = dx;
      run.projected = !args->slots[run.index].slot[RN_W_IH].data;
      run.add_dx = (direction > 0 && !run.projected) || (layer == 0 && dense && adds(args->dx));
      run.saved = layout.saved(reserve, run.index);
      run.work = work;
      const ScratchScope scope(ctx);
      if (!start_phases_backward(ctx, desc, sequence, layout, run.index, &run.phases))
        return RN_ERR_OUT_OF_MEMORY;
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

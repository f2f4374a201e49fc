// The recurrent stack, forward. A layer and direction is one GEMM for W x + b over many steps,
// whose output is laid out as the cells want it, and then one parallel region for the sequence, in
// which each step is the cell's phases (forward_step.h). In training W x + b is computed
// into the reserve and the activations overwrite it; in inference it is computed in chunks of steps
// that stay cached.
#include "native/abi/backend.h"
#include "native/abi/int8.h"
#include "native/cpu/core/loops.h"
#include "native/cpu/recurrent/dropout.h"
#include "native/cpu/recurrent/forward_run.h"
#include "native/cpu/recurrent/int8_step.h"
#include "native/cpu/recurrent/projection.h"
#include "native/cpu/recurrent/steps.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Rows of W x + b that inference computes at a time: about 4 MiB, but enough for the GEMM.
int64_t chunk_rows(const Layout& l) {
  const int64_t rows = (4 << 20) / (l.gate_stride * (int64_t)sizeof(float));
  return rows < 512 ? 512 : rows;
}

// x [rows, ldx] holds W x of this direction, gate by gate: into the cells' order, biases added.
template <class Cell>
void load_gates(RnContext* ctx, const Layout& l, const float* x, int64_t ldx, int64_t rows,
                const float* bias, float* gates) {
  parallel_items(ctx, rows, l.gate_stride, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t unit = 0; unit < l.hidden; unit += kLanes)
        for (int g = 0; g < Cell::kGates; ++g) {
          const float* from = x + r * ldx + g * l.hidden + unit;
          const int64_t rest = l.hidden - unit, at = l.column(g, unit);
          const vf value = rest < kLanes ? load_first(from, rest) : load(from);
          // May overhang into the next gate, which is written later.
          store(gates + r * l.gate_stride + at, value + load(bias + at));
        }
  });
}

// Packs the weights of a layer and direction. False: no memory.
template <class Cell>
bool pack_weights(RnContext* ctx, const RnRecurrentDesc& desc, const RnRecurrentSlots& slots,
                  int64_t in, const Layout& l, Weights* out) {
  if (desc.precision == RN_PRECISION_INT8)
    return pack_int8_weights<Cell>(ctx, desc, slots, in, l, out);
  const bool projected = !slots.slot[RN_W_IH].data;
  if (!projected)
    out->input = pack_input(ctx, desc, slots.slot[RN_W_IH], {kPackedInput, 0, in, in}, l);
  return (projected || out->input) &&
         pack_phases(typename Cell::ForwardPhases(), ctx, desc, slots.slot[RN_W_HH], l, out) &&
         pack_projection<Cell>(ctx, desc, slots.slot[RN_W_HR], l, out);
}

template <class Cell, bool kTraining>
int32_t run_forward(RnContext* ctx, Run run, const float* x, int64_t in, int64_t index) {
  const RnRecurrentForward& args = *run.args;
  const RnRecurrentSlots& slots = args.slots[index];
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const RnRecurrentDesc& desc = args.desc;
  const ScratchScope scope(ctx);
  typename Cell::ForwardPhases phases;
  const bool projected = !slots.slot[RN_W_IH].data;
  if (!pack_weights<Cell>(ctx, desc, slots, in, l, &run.weights) ||
      !pack_biases<Cell>(ctx, slots, l, &run.weights) ||
      !take_variant<Cell>(ctx, desc, slots, l, &run.variant) ||
      !take_norm(ctx, desc, slots, l, &run.norm) || !norm_biases(ctx, l, &run))
    return RN_ERR_OUT_OF_MEMORY;

  const int64_t hs = index * q.batch * l.state, cs = index * q.batch * l.hidden;
  const int64_t chunk = chunk_rows(l);
  float* gates = run.state.gates;
  if (!kTraining) {
    const int64_t most = chunk < q.rows ? (chunk > q.batch ? chunk : q.batch) : q.rows;
    gates = scratch_floats(ctx, most * l.gate_stride);
    float* state = scratch_floats(ctx, q.batch * l.stride * 4);
    if (!gates || !state) return RN_ERR_OUT_OF_MEMORY;
    const int64_t set = q.batch * l.stride;
    // Only cells without a c keep an extra in inference, and only those with one project h.
    float* more = state + 3 * set;
    run.state = {};
    run.state.gates = gates;
    run.state.h_prev = state;
    run.state.c_prev = state + 2 * set;
    run.state.extra = more;
    run.state.made = l.projects() ? more : nullptr;
  }
  run.hn = (float*)args.hn + hs;
  run.cn = Cell::kHasC ? (float*)args.cn + cs : nullptr;
  const float *h0 = (const float*)args.h0, *c0 = (const float*)args.c0;
  run.h0 = h0 ? h0 + hs : nullptr;
  run.c0 = c0 ? c0 + cs : nullptr;
  if (desc.precision == RN_PRECISION_BF16 && !take_rounded(ctx, &run)) return RN_ERR_OUT_OF_MEMORY;
  if (!start_phases(ctx, desc, q, l, index, run.rounded_stride, &run.phases))
    return RN_ERR_OUT_OF_MEMORY;
  if (q.steps == 0) start_rows(run, kTraining, 0, q.batch);

  // Threads make the W x that they will read, unless theirs are few rows of many steps.
  const TeamGrid grid = with_element(desc.precision, [&]<class E>() {
    return plan_grid(forward_shape<E>(phases, l, q), ctx->threads);
  });
  const bool int8 = desc.precision == RN_PRECISION_INT8;
  const bool few = 2 * q.batch < grid.groups * kFewRows;
  for (int64_t s0 = 0, s1 = 0; s0 < q.steps; s0 = s1) {
    int64_t rows = 0;
    while (s1 < q.steps &&
           (kTraining || s1 == s0 || rows + q.active(q.time_of(s1, run.direction)) <= chunk))
      rows += q.active(q.time_of(s1++, run.direction));
    // The steps' packed rows are contiguous; the earliest comes first in either direction.
    const int64_t row0 = q.offset[run.direction == 0 ? s0 : q.time_of(s1 - 1, 1)];
    const GemmShare share = {grid.groups > 1 ? q.batch : rows, grid.groups, grid.members};
    int32_t status = RN_OK;
    if (projected) {
      load_gates<Cell>(ctx, l, x + row0 * in + run.direction * Cell::kGates * l.hidden, in, rows,
                       run.weights.bias, gates);
    } else {
      const auto multiply = int8 ? gemm_int8 : gemm;
      status = multiply(ctx, {.precision = desc.precision,
                              .m = rows,
                              .n = l.columns(),
                              .k = in,
                              .a = x + row0 * in,
                              .lda = in,
                              .trans_a = false,
                              .b = plain(nullptr),
                              .ldb = 0,
                              .trans_b = false,
                              .c = gates,
                              .ldc = l.gate_stride,
                              .accumulate = false,
                              .bias = run.weights.bias,
                              .packed_kind = 0,
                              .packed_b = run.weights.input,
                              .share = q.dense && !few ? &share : nullptr});
    }
    if (status != RN_OK) return status;
    status = int8 ? int8_forward_steps(ctx, desc, &run, s0, s1, gates, row0)
                  : forward_steps(ctx, desc, &run, kTraining, s0, s1, gates, row0);
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

}  // namespace

size_t recurrent_reserve(const RnRecurrentDesc* desc) {
  const CellTraits traits = with_cell(desc->cell, []<class Cell>() { return traits_of<Cell>(); });
  return (size_t)make_layout(*desc, traits).floats() * sizeof(float);
}

int32_t recurrent(RnContext* ctx, const RnRecurrentForward* args) {
  const RnRecurrentDesc& desc = args->desc;
  Sequence sequence;
  int32_t status = make_sequence(ctx, args->lengths, desc.time, desc.batch, &sequence);
  if (status != RN_OK) return status;
  const CellTraits traits = with_cell(desc.cell, []<class Cell>() { return traits_of<Cell>(); });
  const Layout layout = make_layout(desc, traits);
  float* reserve = (float*)args->reserve;
  const bool training = reserve != nullptr;

  const float* x = (const float*)args->x;
  if (!sequence.dense) {
    float* packed = scratch_floats(ctx, sequence.rows * desc.input);
    if (!packed) return RN_ERR_OUT_OF_MEMORY;
    gather_rows(ctx, sequence, desc.input, x, packed, desc.input);
    clear_padding(sequence, layout.width, (float*)args->y);
    x = packed;
  }
  // Inference: outputs between layers take turns in two buffers.
  float* between[2] = {nullptr, nullptr};
  for (int i = 0; !training && i < 2 && i < desc.layers - 1; ++i)
    if (!(between[i] = scratch_floats(ctx, sequence.rows * layout.width)))
      return RN_ERR_OUT_OF_MEMORY;

  for (int layer = 0; layer < desc.layers; ++layer) {
    const bool last = layer == desc.layers - 1;
    float* output = last       ? (float*)args->y
                    : training ? layout.output(reserve, layer)
                               : between[layer & 1];
    const int64_t in = layer == 0 ? desc.input : layout.width;
    for (int direction = 0; direction < desc.directions; ++direction) {
      const int64_t index = layer * desc.directions + direction;
      Run run = {};
      run.args = args;
      run.sequence = &sequence;
      run.layout = layout;
      run.direction = direction;
      run.y = output + direction * desc.state;
      run.y_stride = layout.width;
      run.last = last;
      if (training) run.state = layout.saved(reserve, index);
      status = with_cell(desc.cell, [&]<class Cell>() {
        return training ? run_forward<Cell, true>(ctx, run, x, in, index)
                        : run_forward<Cell, false>(ctx, run, x, in, index);
      });
      if (status != RN_OK) return status;
    }
    if (!last) drop_rows(ctx, desc, sequence, layer, output);
    x = output;
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

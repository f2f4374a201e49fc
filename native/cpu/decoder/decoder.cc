// The attentional decoder, forward. What needs no order in time, the first layer's product with the
// embedded inputs, is one GEMM over all real tokens. Then come the steps: the layers' own, as the
// recurrent stack runs them, between products with what they are fed and the attention, which takes
// a row of the batch on a thread. Inference keeps in scratch what training keeps in the reserve.
#include "native/abi/backend.h"
#include "native/cpu/core/recycled_scratch.h"
#include "native/cpu/decoder/layout.h"
#include "native/cpu/decoder/memory.h"
#include "native/cpu/recurrent/dropout.h"
#include "native/cpu/recurrent/forward_run.h"
#include "native/cpu/recurrent/projection.h"
#include "native/cpu/recurrent/steps.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct DecoderRun {
  const RnDecoderForward* args;
  DecoderLayout layout;
  Sequence sequence;
  DecoderMemory memory;
  DecoderSaved saved;
  Run* layers;
  const void *fed, *query, *out;  // packed weights; query NULL: none
  float* work;                    // memory.work_floats() a thread

  const RnRecurrentDesc& stack() const { return args->desc.stack; }
  bool last(int64_t layer) const { return layer == stack().layers - 1; }
};

// Packs layer `l`'s weights, and finds its state and its output their places.
template <class Cell>
int32_t make_layer(RnContext* ctx, const DecoderRun& d, int64_t l, float* reserve, Run* run) {
  const RnRecurrentDesc& desc = d.stack();
  const RnRecurrentSlots& slots = d.args->slots[l];
  const Layout& layout = d.layout.stack;
  const InputColumns columns = l == 0 ? InputColumns{kPackedEmbedded, 0, d.layout.E, d.layout.input}
                                      : InputColumns{kPackedInput, 0, d.layout.P, d.layout.P};
  *run = {};
  run->sequence = &d.sequence;
  run->layout = layout;
  run->weights.input = pack_input(ctx, desc, slots.slot[RN_W_IH], columns, layout);
  if (!run->weights.input ||
      !pack_phases(typename Cell::ForwardPhases(), ctx, desc, slots.slot[RN_W_HH], layout,
                   &run->weights) ||
      !pack_projection<Cell>(ctx, desc, slots.slot[RN_W_HR], layout, &run->weights) ||
      !pack_biases<Cell>(ctx, slots, layout, &run->weights) ||
      !take_variant<Cell>(ctx, desc, slots, layout, &run->variant) ||
      !take_norm(ctx, desc, slots, layout, &run->norm) || !norm_biases(ctx, layout, run))
    return RN_ERR_OUT_OF_MEMORY;
  run->state = layout.saved(reserve, l);
  if (!d.last(l)) {
    run->y = layout.output(reserve, l);
    run->y_stride = d.layout.P;
  } else if (d.layout.feeds_output) {
    run->y = d.saved.joined + d.layout.V;
    run->y_stride = d.layout.joined;
  } else {
    run->last = true;
    run->y = (float*)d.args->y;
    run->y_stride = d.layout.P;
  }
  const int64_t hs = l * d.sequence.batch * d.layout.P;
  const int64_t cs = l * d.sequence.batch * layout.hidden;
  const float *h0 = (const float*)d.args->h0, *c0 = (const float*)d.args->c0;
  run->h0 = h0 ? h0 + hs : nullptr;
  run->c0 = c0 ? c0 + cs : nullptr;
  run->hn = (float*)d.args->hn + hs;
  run->cn = Cell::kHasC ? (float*)d.args->cn + cs : nullptr;
  if (desc.precision == RN_PRECISION_BF16 && !take_rounded(ctx, run)) return RN_ERR_OUT_OF_MEMORY;
  if (!start_phases(ctx, desc, d.sequence, layout, l, run->rounded_stride, &run->phases))
    return RN_ERR_OUT_OF_MEMORY;
  start_rows(*run, true, 0, d.sequence.batch);  // before the first step attends
  run->started = true;
  return RN_OK;
}

// Copies x into the packed inputs, and what feeds the first step.
void load_inputs(RnContext* ctx, const DecoderRun& d) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  gather_rows(ctx, q, l.E, (const float*)d.args->x, d.saved.inputs, l.input);
  if (!l.feeds_output) return;
  const auto* fed0 = (const float*)d.args->fed0;
  for (int64_t r = 0; r < q.batch; ++r) {
    float* to = r < q.active(0) ? d.saved.inputs + r * l.input + l.E
                                : (float*)d.args->fedn + q.order[r] * l.F;
    if (fed0) memcpy(to, fed0 + q.order[r] * l.F, (size_t)l.F * sizeof(float));
    if (!fed0) memset(to, 0, (size_t)l.F * sizeof(float));
  }
}

// Queries of step t from states `h`, then their contexts into rows `ldc` apart.
int32_t attend_step(RnContext* ctx, const DecoderRun& d, RecycledScratch* scratch, int64_t t,
                    const float* h, int64_t ldh, float* contexts, int64_t ldc) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const int64_t rows = q.active(t), Tk = d.args->desc.keys;
  float* queries = d.saved.queries + q.offset[t] * l.A;
  if (d.query) {
    const int32_t status =
        multiply_packed(scratch->restart(), d.stack().precision,
                        {rows, l.A, l.P, h, ldh, d.query, queries, l.A, false, nullptr});
    if (status != RN_OK) return status;
  } else {
    for (int64_t r = 0; r < rows; ++r)
      memcpy(queries + r * l.A, h + r * ldh, (size_t)l.A * sizeof(float));
  }
  each_row(ctx, rows, d.memory.query_work(), [&](int64_t r, int thread) {
    const int64_t b = q.order[r];
    d.memory.attend(d.memory.row_of(b), queries + r * l.A,
                    d.memory.work(d.work + thread * d.memory.work_floats()), contexts + r * ldc,
                    (float*)d.args->weights + (t * q.batch + b) * Tk);
  });
  return RN_OK;
}

// Step t of every layer; the first layer's gates hold its products with x and b.
int32_t run_layers(const DecoderRun& d, RecycledScratch* scratch, int64_t t) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const RnRecurrentDesc& desc = d.stack();
  const int64_t rows = q.active(t), row = q.offset[t], width = l.stack.gate_stride,
                columns = l.stack.columns();
  for (int64_t i = 0; i < desc.layers; ++i) {
    const Run& run = d.layers[i];
    float* gates = run.state.gates + row * width;
    const PackedProduct product =
        i == 0 ? PackedProduct{rows,    columns, l.F,   d.saved.inputs + row * l.input + l.E,
                               l.input, d.fed,   gates, width,
                               true,    nullptr}
               : PackedProduct{rows,  columns,           l.P,   d.layers[i - 1].y + row * l.P,
                               l.P,   run.weights.input, gates, width,
                               false, run.weights.bias};
    int32_t status = multiply_packed(scratch->restart(), desc.precision, product);
    if (status != RN_OK) return status;
    status = forward_steps(scratch->restart(), desc, &run, true, t, t + 1, run.state.gates, 0);
    if (status != RN_OK) return status;
    if (!d.last(i) && desc.dropout > 0) drop_step(desc, q, (int)i, l.P, t, run.y + row * l.P);
  }
  return RN_OK;
}

// h~ = tanh of `outputs`, dropped into y, and on to the next step.
void put_outputs(RnContext* ctx, const DecoderRun& d, int64_t t) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const RnRecurrentDesc& desc = d.stack();
  const uint32_t threshold = (uint32_t)::ceil(desc.dropout * 0x1p24);
  const float scale = (float)(1.0 / (1.0 - desc.dropout));
  const int64_t continuing = q.active(t + 1);
  parallel_items(ctx, q.active(t), 8 * l.D, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t b = q.order[r];
      float* output = d.saved.outputs + (q.offset[t] + r) * l.D;
      float* y = (float*)d.args->y + (t * q.batch + b) * l.D;
      each_vector(0, l.D, [=](int64_t i, auto at) {
        const vf x = tanh(at.load(output + i));
        at.store(output + i, x);
        at.store(y + i, x);
      });
      if (desc.dropout > 0)
        drop_row(desc.random, desc.layers - 1, (uint64_t)b, t * l.D, l.D, threshold, scale, y);
      float* next = r < continuing ? d.saved.inputs + (q.offset[t + 1] + r) * l.input + l.E
                                   : (float*)d.args->fedn + b * l.D;
      memcpy(next, y, (size_t)l.D * sizeof(float));
    }
  });
}

int32_t run_step(RnContext* ctx, const DecoderRun& d, RecycledScratch* scratch, int64_t t) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const int64_t rows = q.active(t), row = q.offset[t];
  if (l.feeds_output) {
    int32_t status = run_layers(d, scratch, t);
    if (status != RN_OK) return status;
    float* joined = d.saved.joined + row * l.joined;
    status = attend_step(ctx, d, scratch, t, joined + l.V, l.joined, joined, l.joined);
    if (status != RN_OK) return status;
    status =
        multiply_packed(scratch->restart(), d.stack().precision,
                        {rows, l.D, l.joined, joined, l.joined, d.out, d.saved.outputs + row * l.D,
                         l.D, false, (const float*)d.args->b_out.data});
    if (status == RN_OK) put_outputs(ctx, d, t);
    return status;
  }
  const Layout& s = l.stack;
  const float* h = d.layers[d.stack().layers - 1].state.h_prev + row * s.h_stride;
  float* fed = d.saved.inputs + row * l.input + l.E;
  const int32_t status = attend_step(ctx, d, scratch, t, h, s.h_stride, fed, l.input);
  if (status != RN_OK) return status;
  for (int64_t r = 0; r < rows; ++r)
    memcpy((float*)d.args->context + (t * q.batch + q.order[r]) * l.V, fed + r * l.input,
           (size_t)l.V * sizeof(float));
  return run_layers(d, scratch, t);
}

template <class Cell>
int32_t run_decoder(RnContext* ctx, DecoderRun* d, float* reserve) {
  const DecoderLayout& l = d->layout;
  const RnRecurrentDesc& desc = d->stack();
  const RnDecoderForward& args = *d->args;
  d->layers = (Run*)ctx->scratch(ctx->runtime, (size_t)desc.layers * sizeof(Run));
  d->fed =
      pack_input(ctx, desc, args.slots[0].slot[RN_W_IH], {kPackedFed, l.E, l.F, l.input}, l.stack);
  if (!d->layers || !d->fed) return RN_ERR_OUT_OF_MEMORY;
  for (int64_t i = 0; i < desc.layers; ++i) {
    const int32_t status = make_layer<Cell>(ctx, *d, i, reserve, &d->layers[i]);
    if (status != RN_OK) return status;
  }
  load_inputs(ctx, *d);
  const Run& first = d->layers[0];
  int32_t status = multiply_packed(
      ctx, desc.precision,
      {d->sequence.rows, l.stack.columns(), l.E, d->saved.inputs, l.input, first.weights.input,
       first.state.gates, l.stack.gate_stride, false, first.weights.bias});
  RecycledScratch scratch(ctx);
  for (int64_t t = 0; t < d->sequence.steps && status == RN_OK; ++t)
    status = run_step(ctx, *d, &scratch, t);
  return status;
}

}  // namespace

size_t decoder_reserve(const RnDecoderDesc* desc) {
  return (size_t)make_decoder_layout(*desc).floats() * sizeof(float);
}

int32_t decoder(RnContext* ctx, const RnDecoderForward* args) {
  const RnRecurrentDesc& desc = args->desc.stack;
  DecoderRun d = {};
  d.args = args;
  d.layout = make_decoder_layout(args->desc);
  int32_t status = make_sequence(ctx, args->lengths, desc.time, desc.batch, &d.sequence);
  if (status == RN_OK) status = d.memory.prepare(ctx, *args, d.sequence.steps <= 1);
  if (status != RN_OK) return status;
  const DecoderLayout& l = d.layout;
  float* reserve = args->reserve ? (float*)args->reserve : scratch_floats(ctx, l.floats());
  d.work = scratch_floats(ctx, d.memory.work_floats() * ctx->threads);
  if (!reserve || !d.work) return RN_ERR_OUT_OF_MEMORY;
  d.saved = l.saved(reserve);
  if (args->w_query.data) {
    d.query = pack_weight(ctx, desc.precision, args->w_query, l.A, l.P, true);
    if (!d.query) return RN_ERR_OUT_OF_MEMORY;
  }
  if (l.feeds_output) {
    d.out = pack_weight(ctx, desc.precision, args->w_out, l.D, l.joined, true);
    if (!d.out) return RN_ERR_OUT_OF_MEMORY;
  }
  if (!d.sequence.dense) {
    clear_padding(d.sequence, l.out, (float*)args->y);
    clear_padding(d.sequence, args->desc.keys, (float*)args->weights);
    if (args->context) clear_padding(d.sequence, l.V, (float*)args->context);
  }
  return with_cell(desc.cell, [&]<class Cell>() { return run_decoder<Cell>(ctx, &d, reserve); });
}

}  // namespace rnnative::cpu::RN_ISA

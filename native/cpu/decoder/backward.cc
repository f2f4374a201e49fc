// The attentional decoder, backward through time. A step's gradients pass through the output, the
// attention and the layers in the reverse of forward's order; kept of them are those before each
// product and of the scores. All gradients that are sums over steps, of the weights, of the
// embedded inputs and of the memory, follow after the loop (gradients.h).
#include "native/abi/backend.h"
#include "native/cpu/core/recycled_scratch.h"
#include "native/cpu/decoder/gradients.h"
#include "native/cpu/recurrent/dropout.h"
#include "native/cpu/recurrent/steps.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// A layer of the stack while it runs backward.
struct LayerBackward {
  BackwardRun run;
  PhaseProducts phases[kMostPhases];
  const void* below;  // packed W: the gradient of what the layer below gave, or of what was fed
};

template <class Cell>
int32_t make_layer(RnContext* ctx, DecoderBackward* d, int64_t l, LayerBackward* layer) {
  const DecoderLayout& sizes = d->layout;
  const RnRecurrentDesc& desc = d->stack.desc;
  const int64_t P = sizes.P, gates = sizes.stack.traits.gates * sizes.stack.hidden;
  float* reserve = (float*)d->args->forward.reserve;
  BackwardRun& run = layer->run;
  run = {};
  run.args = &d->stack;
  run.sequence = &d->sequence;
  run.layout = sizes.stack;
  run.index = l;
  run.in = l == 0 ? sizes.input : P;
  run.x = l == 0 ? d->saved.inputs : sizes.stack.output(reserve, l - 1);
  run.dy = d->between[l & 1];
  run.saved = sizes.stack.saved(reserve, l);
  if (!make_work(ctx, sizes.stack, d->sequence, desc.precision, &run.work) ||
      !pack_products(typename Cell::BackwardPhases(), ctx, run, layer->phases) ||
      !take_variant<Cell>(ctx, desc, d->args->forward.slots[l], sizes.stack, &run.variant) ||
      !take_norm(ctx, desc, d->args->forward.slots[l], sizes.stack, &run.norm) ||
      !start_phases_backward(ctx, desc, d->sequence, sizes.stack, l, &run.phases))
    return RN_ERR_OUT_OF_MEMORY;
  const RnWeight& w = d->args->forward.slots[l].slot[RN_W_IH];
  if (l > 0) {
    layer->below = pack_weight(ctx, desc.precision, w, gates, P, false);
  } else {
    int32_t fresh = 0;
    void* packed = packed_weight(ctx, w, packed_kind(desc, kPackedFedBackward, sizes.E),
                                 packed_bytes(desc.precision, gates, sizes.F), &fresh);
    if (packed && fresh)
      pack_matrix(ctx, desc.precision, (const float*)w.data + sizes.E, sizes.input, false, gates,
                  sizes.F, nullptr, packed);
    layer->below = packed;
  }
  return layer->below ? RN_OK : RN_ERR_OUT_OF_MEMORY;
}

// The gradients of the weights' softmax, and dqueries, at step t; dcontext rows are `ldc` apart.
void attend_step(RnContext* ctx, const DecoderBackward& d, int64_t t, const float* dcontext,
                 int64_t ldc) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const RnDecoderForward& forward = d.args->forward;
  const int64_t Tk = forward.desc.keys, row = q.offset[t];
  each_row(ctx, q.active(t), 2 * d.memory.query_work(), [&](int64_t r, int thread) {
    const int64_t b = q.order[r], at = (t * q.batch + b) * Tk;
    const auto* dweights = (const float*)d.args->dweights;
    d.memory.attend_backward(b, d.saved.queries + (row + r) * l.A,
                             (const float*)forward.weights + at, dcontext + r * ldc,
                             dweights ? dweights + at : nullptr,
                             d.memory.work(d.work + thread * d.memory.work_floats()),
                             d.dscores + (row + r) * d.memory.ldw, d.dqueries + (row + r) * l.A);
  });
}

// dh[rows, P] (+)= the gradient of the states that step t's queries were made of.
int32_t query_states(const DecoderBackward& d, RecycledScratch* scratch, int64_t t, float* dh,
                     bool add) {
  const DecoderLayout& l = d.layout;
  const int64_t rows = d.sequence.active(t);
  const float* dqueries = d.dqueries + d.sequence.offset[t] * l.A;
  if (d.query)
    return multiply_packed(scratch->restart(), d.stack.desc.precision,
                           {rows, l.P, l.A, dqueries, l.A, d.query, dh, l.P, add, nullptr});
  for (int64_t i = 0; i < rows * l.P; ++i) dh[i] = add ? dh[i] + dqueries[i] : dqueries[i];
  return RN_OK;
}

// The gradient of h~ before tanh, from y and from what the next step was fed.
void output_gradients(RnContext* ctx, const DecoderBackward& d, int64_t t) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const RnRecurrentDesc& desc = d.stack.desc;
  const uint32_t threshold = (uint32_t)::ceil(desc.dropout * 0x1p24);
  const float scale = (float)(1.0 / (1.0 - desc.dropout));
  const int64_t continuing = q.active(t + 1);
  const auto *dy = (const float*)d.args->dy, *dfedn = (const float*)d.args->dfedn;
  parallel_items(ctx, q.active(t), 8 * l.D, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t b = q.order[r];
      const float* own = dy ? dy + (t * q.batch + b) * l.D : nullptr;
      const float* later = r < continuing ? d.dfed + r * l.F : dfedn ? dfedn + b * l.F : nullptr;
      const float* output = d.saved.outputs + (q.offset[t] + r) * l.D;
      float* to = d.doutputs + (q.offset[t] + r) * l.D;
      each_vector(0, l.D, [=](int64_t i, auto at) {
        vf g = own ? at.load(own + i) : zero();
        if (later) g = g + at.load(later + i);
        at.store(to + i, g);
      });
      if (desc.dropout > 0)
        drop_row(desc.random, desc.layers - 1, (uint64_t)b, t * l.D, l.D, threshold, scale, to);
      each_vector(0, l.D, [=](int64_t i, auto at) {
        const vf y = at.load(output + i);
        at.store(to + i, at.load(to + i) * fnma(y, y, splat(1.0f)));
      });
    }
  });
}

// The gradient of the top layer's state after step t.
int32_t top_gradients(RnContext* ctx, const DecoderBackward& d, RecycledScratch* scratch, int64_t t,
                      float* dtop) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const int64_t rows = q.active(t), row = q.offset[t];
  if (l.feeds_output) {
    float* djoined = d.djoined + row * l.joined;
    output_gradients(ctx, d, t);
    const int32_t status = multiply_packed(scratch->restart(), d.stack.desc.precision,
                                           {rows, l.joined, l.D, d.doutputs + row * l.D, l.D, d.out,
                                            djoined, l.joined, false, nullptr});
    if (status != RN_OK) return status;
    attend_step(ctx, d, t, djoined, l.joined);
    for (int64_t r = 0; r < rows; ++r)
      memcpy(dtop + r * l.P, djoined + r * l.joined + l.V, (size_t)l.P * sizeof(float));
    return query_states(d, scratch, t, dtop, true);
  }
  const int64_t continuing = q.active(t + 1);
  const auto* dy = (const float*)d.args->dy;
  for (int64_t r = 0; r < rows; ++r) {
    const float* own = dy ? dy + (t * q.batch + q.order[r]) * l.P : nullptr;
    const float* later = r < continuing ? d.dstate + r * l.P : nullptr;
    float* to = dtop + r * l.P;
    for (int64_t i = 0; i < l.P; ++i) to[i] = (own ? own[i] : 0.0f) + (later ? later[i] : 0.0f);
  }
  return RN_OK;
}

// From the gradient of the top layer's state to that of what was fed.
int32_t layers_step(const DecoderBackward& d, LayerBackward* layers, RecycledScratch* scratch,
                    int64_t t, float* dfed) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const RnRecurrentDesc& desc = d.stack.desc;
  const int64_t rows = q.active(t), row = q.offset[t],
                gates = l.stack.traits.gates * l.stack.hidden;
  for (int64_t i = desc.layers - 1; i >= 0; --i) {
    const LayerBackward& layer = layers[i];
    int32_t status = backward_steps(scratch->restart(), desc, &layer.run, layer.phases, t, t + 1);
    if (status != RN_OK) return status;
    float* to = i == 0 ? dfed : d.between[(i - 1) & 1] + row * l.P;
    const int64_t n = i == 0 ? l.F : l.P;
    status = multiply_packed(scratch->restart(), desc.precision,
                             {rows, n, gates, layer.run.dinputs() + row * gates, gates, layer.below,
                              to, n, false, nullptr});
    if (status != RN_OK) return status;
    if (i > 0 && desc.dropout > 0) drop_step(desc, q, (int)(i - 1), l.P, t, to);
  }
  return RN_OK;
}

int32_t step_backward(RnContext* ctx, const DecoderBackward& d, LayerBackward* layers,
                      RecycledScratch* scratch, int64_t t) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const int64_t rows = q.active(t), row = q.offset[t];
  float* dtop = d.between[(d.stack.desc.layers - 1) & 1] + row * l.P;
  int32_t status = top_gradients(ctx, d, scratch, t, dtop);
  if (status != RN_OK) return status;
  float* dfed = l.feeds_output ? d.dfed : d.dcontext + row * l.V;
  status = layers_step(d, layers, scratch, t, dfed);
  if (status != RN_OK || l.feeds_output) return status;
  const auto* own = (const float*)d.args->dcontext;
  for (int64_t r = 0; own && r < rows; ++r) {
    const float* from = own + (t * q.batch + q.order[r]) * l.V;
    for (int64_t i = 0; i < l.V; ++i) dfed[r * l.V + i] += from[i];
  }
  attend_step(ctx, d, t, dfed, l.V);
  return query_states(d, scratch, t, d.dstate, false);
}

template <class Cell>
int32_t run_backward(RnContext* ctx, DecoderBackward* d) {
  const int64_t count = d->stack.desc.layers;
  auto* layers = (LayerBackward*)ctx->scratch(ctx->runtime, (size_t)count * sizeof(LayerBackward));
  if (!layers) return RN_ERR_OUT_OF_MEMORY;
  int32_t status = RN_OK;
  for (int64_t l = 0; l < count && status == RN_OK; ++l)
    status = make_layer<Cell>(ctx, d, l, &layers[l]);
  RecycledScratch scratch(ctx);
  for (int64_t t = d->sequence.steps - 1; t >= 0 && status == RN_OK; --t)
    status = step_backward(ctx, *d, layers, &scratch, t);
  for (int64_t l = 0; l < count && status == RN_OK; ++l) {
    const BackwardRun& run = layers[l].run;
    status = initial_state_gradients<Cell>(ctx, run, layers[l].phases);
    if (status == RN_OK)
      status = recurrent_gradients(ctx, run, layers[l].phases, Cell::BackwardPhases::kCount);
    if (status == RN_OK) status = bias_gradients<Cell>(ctx, run);
    if (status == RN_OK) status = input_gradients(ctx, run);
  }
  if (status == RN_OK) status = decoder_gradients(ctx, *d, layers[0].run, layers[count - 1].run);
  return status;
}

}  // namespace

int32_t decoder_backward(RnContext* ctx, const RnDecoderBackward* args) {
  DecoderBackward d = {};
  const int32_t status = prepare_backward(ctx, args, &d);
  if (status != RN_OK) return status;
  return with_cell(args->forward.desc.stack.cell,
                   [&]<class Cell>() { return run_backward<Cell>(ctx, &d); });
}

}  // namespace rnnative::cpu::RN_ISA

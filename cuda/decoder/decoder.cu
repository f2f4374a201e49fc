// The attentional decoder, forward. What needs no order in time, the first layer's product with the
// embedded inputs, is one product over all steps. Each step then is a handful of launches, all
// enqueued without waiting for any: per layer two products and a kernel of gate math; the query's
// product; the attention, whose kernel writes the context where the next product reads it; with
// OUTPUT the product with W_out and a kernel that makes h~ of it.
#include "cuda/decoder/decoder.cuh"

#include <algorithm>
#include <new>

#include "cuda/mask_time.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct OutputStep {
  Rows rows;
  int64_t t, features;  // D
  float* outputs;       // [B, D] in: W_out [c; h] + b_out; out: its tanh
  float *y, *next;      // [B, D] after dropout; next: what the next step is fed, or null
  float* fedn;          // [B, D] of rows whose last step this is
  const float* fed;     // [B, D] what this step was fed
  Rounded next_rounded;
  DropoutMask dropout;
};

__global__ void output_kernel(OutputStep s) {
  const int64_t n = s.rows.batch * s.features;
  for (int64_t i = first_index(); i < n; i += index_stride()) {
    const int64_t b = i / s.features, f = i % s.features, end = s.rows.length(b);
    const bool active = s.t < end;
    const float output = active ? tanhf(s.outputs[i]) : 0.0f;
    const float y = active ? output * s.dropout.factor(b, s.t * s.features + f) : 0.0f;
    s.outputs[i] = output;
    s.y[i] = y;
    if (s.next) s.next[i] = y;
    s.next_rounded.put(b, f, y);
    if (s.t + 1 == end) s.fedn[i] = y;
    if (end == 0 && s.t == 0) s.fedn[i] = s.fed[i];
  }
}

// h: the state that is asked with.
int32_t attend(RnContext* ctx, const Decoder& d, int64_t t, const Operand& h) {
  const DecoderLayout& l = d.layout;
  AttentionStep step = d.attention(t);
  float* const queries = d.at(l.queries(d.reserve), t, l.A);
  int32_t status = RN_OK;
  if (!h.data)
    status = copy_or_zero(ctx, queries, nullptr, l.B * l.A);
  else if (d.args->w_query.data)
    status =
        multiply(ctx, d.stack().precision, {l.B, l.A, l.P, h, d.weights.query, true, queries, l.A});
  if (status != RN_OK) return status;
  if (l.feeds_output) {
    step.context = d.at(l.joined(d.reserve), t, l.joined_width);
    step.context_stride = l.joined_width;
    step.context_rounded = d.rounded.joined;
  } else {
    step.context = d.at(l.fed(d.reserve), t, l.F);
    step.context_stride = l.F;
    step.context_rounded = d.rounded.fed;
    step.context_copy = d.at(static_cast<float*>(d.args->context), t, l.V);
  }
  return attend_step(ctx, step);
}

// W x of what the layer reads at step t: the first one's of x is there already.
int32_t project(RnContext* ctx, const Decoder& d, int64_t i, int64_t t) {
  const DecoderLayout& l = d.layout;
  const int64_t gates = l.G * l.H, width = l.S * l.H;
  float* const to = d.at(l.stack.saved_gates(d.reserve, i), t, width);
  if (i == 0)
    return multiply(ctx, d.stack().precision,
                    {l.B, gates, l.F, left(d.fed(t), l.F, d.rounded.fed), d.weights.fed, true, to,
                     width, true});
  const Operand below = l.drops ? left(d.at(d.input(i), t, l.P), l.P, d.rounded.dropped)
                                : d.layers[i - 1].state(t + 1);
  return multiply(ctx, d.stack().precision,
                  {l.B, gates, l.P, below, d.weights.input[i], true, to, width});
}

int32_t run_layer(RnContext* ctx, const Decoder& d, int64_t i, int64_t t) {
  const DecoderLayout& l = d.layout;
  const RnDecoderForward& args = *d.args;
  const bool top = i == l.L - 1;
  StateCopies copies;
  if (!top && l.drops) {
    copies.dropped = {d.at(l.output(d.reserve, i), t, l.P), l.P};
    copies.dropped_rounded = d.rounded.dropped;
    copies.dropout = d.dropout(i);
  }
  if (top && l.feeds_output) {
    copies.plain[0] = {d.at(l.joined(d.reserve), t, l.joined_width) + l.V, l.joined_width};
    copies.plain_rounded = d.rounded.joined.from_column(l.V);
  }
  if (top && !l.feeds_output) copies.plain[0] = {d.at(static_cast<float*>(args.y), t, l.P), l.P};
  // Without W_query the state itself is a query, of this step or of the next.
  const int64_t asking = l.feeds_output ? t : t + 1;
  if (top && !args.w_query.data && asking < d.steps)
    copies.plain[1] = {d.at(l.queries(d.reserve), asking, l.A), l.A};
  const int32_t status = project(ctx, d, i, t);
  return status == RN_OK ? d.layers[i].step(ctx, t, copies) : status;
}

int32_t put_output(RnContext* ctx, const Decoder& d, int64_t t) {
  const DecoderLayout& l = d.layout;
  OutputStep s = {};
  s.rows = d.sequence.rows;
  s.t = t;
  s.features = l.D;
  s.outputs = d.at(l.outputs(d.reserve), t, l.D);
  s.y = d.at(static_cast<float*>(d.args->y), t, l.D);
  s.fed = d.fed(t);
  s.next = t + 1 < d.steps ? d.at(l.fed(d.reserve), t + 1, l.D) : nullptr;
  s.fedn = static_cast<float*>(d.args->fedn);
  s.next_rounded = d.rounded.fed;
  s.dropout = d.dropout(l.L - 1);
  const int32_t status = multiply(
      ctx, d.stack().precision,
      {l.B, l.D, l.joined_width,
       left(d.at(l.joined(d.reserve), t, l.joined_width), l.joined_width, d.rounded.joined),
       d.weights.out, true, s.outputs, l.D, false, static_cast<const float*>(d.args->b_out.data)});
  return status == RN_OK ? launch(ctx, over(l.B * l.D, 128), output_kernel, s) : status;
}

int32_t run_step(RnContext* ctx, const Decoder& d, int64_t t) {
  const DecoderLayout& l = d.layout;
  int32_t status = RN_OK;
  if (!l.feeds_output) status = attend(ctx, d, t, d.layers[l.L - 1].state(t));
  for (int64_t i = 0; status == RN_OK && i < l.L; ++i) status = run_layer(ctx, d, i, t);
  if (status != RN_OK || !l.feeds_output) return status;
  status = attend(ctx, d, t, d.layers[l.L - 1].state(t + 1));
  return status == RN_OK ? put_output(ctx, d, t) : status;
}

// Room for the steps' bf16 forms; those of what the first step finds.
int32_t start_rounded(RnContext* ctx, Decoder* d) {
  const DecoderLayout& l = d->layout;
  RoundedSteps& to = d->rounded;
  int32_t status = d->allocate(ctx, l.F, &to.fed);
  if (status == RN_OK && l.feeds_output) status = d->allocate(ctx, l.joined_width, &to.joined);
  if (status == RN_OK && l.drops) status = d->allocate(ctx, l.P, &to.dropped);
  if (status != RN_OK || !to.fed.data || !l.feeds_output) return status;
  return round_to_bf16(ctx, d->fed(0), l.F, l.B, l.F, to.fed.data, to.fed.ld);
}

int32_t start_layers(RnContext* ctx, Decoder* d) {
  const RecurrentLayout& stack = d->layout.stack;
  const RnDecoderForward& args = *d->args;
  d->layers.reset(new (std::nothrow) StepwiseForward[static_cast<size_t>(d->layout.L)]);
  if (!d->layers) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for layers");
  for (int64_t i = 0; i < d->layout.L; ++i) {
    LayerForward layer = {};
    layer.layer = d->layer(i);
    layer.training = args.reserve != nullptr;
    layer.gates = stack.saved_gates(d->reserve, i);
    layer.h = stack.saved_h(d->reserve, i);
    layer.c = layer.training ? stack.saved_c(d->reserve, i) : nullptr;
    layer.made = layer.training ? stack.saved_made(d->reserve, i) : nullptr;
    norm_at(stack, layer.training ? stack.saved_norm(d->reserve, i) : nullptr, &layer);
    layer.hn = static_cast<float*>(args.hn) + stack.hs(i);
    layer.cn = stack.has_c() ? static_cast<float*>(args.cn) + stack.cs(i) : nullptr;
    const int32_t status = d->layers[i].prepare(ctx, layer, false);
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

// Zeros for the steps past the longest row; all rows' states where there is no step.
int32_t put_rest(RnContext* ctx, const Decoder& d) {
  const DecoderLayout& l = d.layout;
  const RnDecoderForward& args = *d.args;
  const auto clear = [&](void* array, int64_t columns) {
    if (!array) return int32_t{RN_OK};
    return copy_or_zero(ctx, d.at(static_cast<float*>(array), d.steps, columns), nullptr,
                        (l.T - d.steps) * l.B * columns);
  };
  int32_t status = clear(args.y, l.feeds_output ? l.D : l.P);
  if (status == RN_OK) status = clear(args.context, l.V);
  if (status == RN_OK) status = clear(args.weights, args.desc.keys);
  if (d.steps > 0) return status;
  const int64_t rows = l.L * l.B;
  if (status == RN_OK) status = copy_or_zero(ctx, args.hn, args.h0, rows * l.P);
  if (status == RN_OK && args.cn) status = copy_or_zero(ctx, args.cn, args.c0, rows * l.H);
  if (status == RN_OK && args.fedn) status = copy_or_zero(ctx, args.fedn, args.fed0, l.B * l.F);
  return status;
}

}  // namespace

int32_t Decoder::prepare(RnContext* ctx) {
  const RnDecoderDesc& d = args->desc;
  int32_t status = check_lengths(ctx, args->lengths, layout.B, layout.T);
  const int64_t memory_rows = layout.B / d.beams;
  if (status == RN_OK && args->memory_lengths)
    status = check_indices(ctx, "memory length", args->memory_lengths, memory_rows, d.keys);
  if (status != RN_OK) return status;
  steps = layout.T;
  // A program's rows may become longer.
  if (args->lengths && !recording()) {
    HostIntegers lengths;
    status = lengths.read(ctx, args->lengths, layout.B);
    if (status != RN_OK) return status;
    steps = 0;
    for (int64_t b = 0; b < layout.B; ++b) steps = std::max<int64_t>(steps, lengths[b]);
  }
  sequence.rows.time = steps;
  sequence.rows.batch = layout.B;
  sequence.rows.lengths = args->lengths;
  sequence.tokens = steps * layout.B;
  memory = {d.score,
            d.keys,
            memory_rows,
            layout.A,
            layout.V,
            static_cast<const float*>(args->keys),
            static_cast<const float*>(args->values),
            static_cast<const float*>(args->v.data),
            args->memory_lengths};
  reserve =
      args->reserve ? static_cast<float*>(args->reserve) : scratch_of<float>(ctx, layout.floats());
  if (!reserve) return RN_ERR_OUT_OF_MEMORY;
  return weights.make(ctx, layout, *args);
}

int32_t Decoder::allocate(RnContext* ctx, int64_t columns, Rounded* to) const {
  if (!rounds()) return RN_OK;
  *to = {scratch_of<uint16_t>(ctx, layout.B * bf16_ld(columns) + 8), bf16_ld(columns)};
  return to->data ? RN_OK : RN_ERR_OUT_OF_MEMORY;
}

AttentionStep Decoder::attention(int64_t t) const {
  AttentionStep step = {};
  step.memory = memory;
  step.step = t;
  step.batch = layout.B;
  step.beams = args->desc.beams;
  step.lengths = args->lengths;
  step.queries = at(layout.queries(reserve), t, layout.A);
  step.query_stride = layout.A;
  step.weights = at(static_cast<float*>(args->weights), t, args->desc.keys);
  return step;
}

int32_t mask_padding(RnContext* ctx, const Decoder& d, const float* x, int64_t features,
                     float* to) {
  const int64_t batch = d.layout.B;
  if (!d.args->lengths) return copy_or_zero(ctx, to, x, d.steps * batch * features);
  return mask_checked(ctx, {d.steps, batch, features, d.args->lengths, x, {to, RN_GRAD_WRITE}});
}

int32_t without_padding(RnContext* ctx, const Decoder& d, const float** x) {
  const DecoderLayout& l = d.layout;
  *x = d.x();
  if (!d.args->lengths) return RN_OK;
  float* to = scratch_of<float>(ctx, d.steps * l.B * l.E);
  if (!to) return RN_ERR_OUT_OF_MEMORY;
  *x = to;
  return mask_padding(ctx, d, d.x(), l.E, to);
}

size_t decoder_reserve(const RnDecoderDesc* desc) {
  return static_cast<size_t>(DecoderLayout(*desc).floats()) * sizeof(float);
}

int32_t decoder(RnContext* ctx, const RnDecoderForward* args) {
  Decoder d(*args);
  const DecoderLayout& l = d.layout;
  int32_t status = d.prepare(ctx);
  if (status == RN_OK) status = put_rest(ctx, d);
  if (status != RN_OK || d.steps == 0) return status;
  const float* x = nullptr;
  status = without_padding(ctx, d, &x);
  if (status == RN_OK)
    status = multiply(ctx, d.stack().precision,
                      {d.steps * l.B, l.G * l.H, l.E, left(x, l.E), d.weights.embedded, true,
                       l.stack.saved_gates(d.reserve, 0), l.S * l.H});
  if (status == RN_OK && l.feeds_output && !d.fed_in_place())
    status = copy_or_zero(ctx, l.fed(d.reserve), args->fed0, l.B * l.F);
  // Without W_query the first step's query is the initial state.
  if (status == RN_OK && !l.feeds_output && !args->w_query.data)
    status = copy_or_zero(ctx, l.queries(d.reserve), d.h_before(l.L - 1, 0), l.B * l.A);
  if (status == RN_OK) status = start_rounded(ctx, &d);
  if (status == RN_OK) status = start_layers(ctx, &d);
  for (int64_t t = 0; status == RN_OK && t < d.steps; ++t) status = run_step(ctx, d, t);
  return status;
}

}  // namespace rnnative::cuda

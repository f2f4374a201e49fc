// The attentional decoder, backward through time: a step's gradients pass through the output, the
// attention and the layers in the reverse of forward's order. The loop keeps the gradients before
// each product and of the scores; everything that sums over steps, of the weights, of x and of the
// memory, follows in a few large launches (gradients.cu).
#include "cuda/decoder/backward.cuh"

#include <new>

#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct OutputGradient {
  Rows rows;
  int64_t t, features;        // D
  const float* dy;            // [B, D] or null
  const float *dfed, *dfedn;  // [B, D] from the next step, or after the last; either may be null
  const float* outputs;       // [B, D] h~ before dropout
  float* doutputs;            // [B, D] before tanh
  Rounded rounded;            // of doutputs
  DropoutMask dropout;
};

__global__ void output_kernel(OutputGradient s) {
  const int64_t n = s.rows.batch * s.features;
  for (int64_t i = first_index(); i < n; i += index_stride()) {
    const int64_t b = i / s.features, f = i % s.features, end = s.rows.length(b);
    float d = 0;
    if (s.t < end) {
      if (s.dy) d = s.dy[i];
      const float* later = s.t + 1 == end ? s.dfedn : s.dfed;
      if (later) d += later[i];
      d *= s.dropout.factor(b, s.t * s.features + f) * (1 - s.outputs[i] * s.outputs[i]);
    }
    s.doutputs[i] = d;
    s.rounded.put(b, f, d);
  }
}

const float* at(const Decoder& d, const void* array, int64_t t, int64_t columns) {
  return array ? static_cast<const float*>(array) + t * d.layout.B * columns : nullptr;
}

int32_t attention_backward_step(RnContext* ctx, const DecoderBackward& g, int64_t t) {
  const Decoder& d = g.forward;
  const DecoderLayout& l = d.layout;
  AttentionStepBackward step = {};
  step.forward = d.attention(t);
  step.dcontext_stride = g.dcontext_stride();
  step.dcontext = g.dcontexts() + t * l.B * step.dcontext_stride;
  step.dweights = at(d, g.args->dweights, t, d.args->desc.keys);
  step.factors = d.at(g.factors, t, d.args->desc.keys);
  step.dqueries = d.at(g.dqueries, t, l.A);
  step.dqueries_rounded = g.dqueries_rounded;
  const int32_t status = attend_step_backward(ctx, step);
  if (status != RN_OK || !d.args->w_query.data) return status;
  return multiply(ctx, d.stack().precision,
                  {l.B, l.P, l.A, left(step.dqueries, l.A, g.dqueries_rounded), d.weights.query,
                   false, g.dstate, l.P});
}

int32_t output_backward(RnContext* ctx, const DecoderBackward& g, int64_t t) {
  const Decoder& d = g.forward;
  const DecoderLayout& l = d.layout;
  OutputGradient s = {};
  s.rows = d.sequence.rows;
  s.t = t;
  s.features = l.D;
  s.dy = at(d, g.args->dy, t, l.D);
  s.dfed = t + 1 < d.steps ? g.dfed : nullptr;
  s.dfedn = static_cast<const float*>(g.args->dfedn);
  s.outputs = d.at(l.outputs(d.reserve), t, l.D);
  s.doutputs = d.at(g.doutputs, t, l.D);
  s.rounded = g.doutputs_rounded;
  s.dropout = d.dropout(l.L - 1);
  const int32_t status = launch(ctx, over(l.B * l.D, 128), output_kernel, s);
  if (status != RN_OK) return status;
  return multiply(ctx, d.stack().precision,
                  {l.B, l.joined_width, l.D, left(s.doutputs, l.D, s.rounded), d.weights.out, false,
                   d.at(g.djoined, t, l.joined_width), l.joined_width});
}

// Of the state that step t's query was made of.
StateGradient query_gradient(const DecoderBackward& g, int64_t t) {
  const DecoderLayout& l = g.layout();
  return {g.forward.args->w_query.data ? g.dstate : g.forward.at(g.dqueries, t, l.A), l.P};
}

int32_t layer_backward(RnContext* ctx, const DecoderBackward& g, int64_t i, int64_t t) {
  const Decoder& d = g.forward;
  const DecoderLayout& l = d.layout;
  const int64_t gates = l.G * l.H, width = l.S * l.H;
  StepGradients more;
  more.dgates = g.dgates_rounded;
  if (i < l.L - 1) {
    more.above[0] = {g.dinput, l.P};
    more.dropout = d.dropout(i);
  } else if (l.feeds_output) {
    more.above[0] = {d.at(g.djoined, t, l.joined_width) + l.V, l.joined_width};
    more.above[1] = query_gradient(g, t);
  } else if (t + 1 < d.steps) {
    more.above[0] = query_gradient(g, t + 1);
  }
  const int32_t status = g.layers[i].step(ctx, d.steps - 1 - t, more);
  if (status != RN_OK) return status;
  const Operand of_gates = left(d.at(g.dinputs(i), t, width), width, g.dgates_rounded);
  if (i > 0)
    return multiply(ctx, d.stack().precision,
                    {l.B, l.P, gates, of_gates, d.weights.input[i], false, g.dinput, l.P});
  float* const dfed = l.feeds_output ? g.dfed : d.at(g.dcontext, t, l.V);
  return multiply(ctx, d.stack().precision,
                  {l.B, l.F, gates, of_gates, d.weights.fed, false, dfed, l.F, !l.feeds_output});
}

int32_t step_backward(RnContext* ctx, const DecoderBackward& g, int64_t t) {
  const DecoderLayout& l = g.layout();
  int32_t status = RN_OK;
  if (l.feeds_output) {
    status = output_backward(ctx, g, t);
    if (status == RN_OK) status = attention_backward_step(ctx, g, t);
  }
  for (int64_t i = l.L - 1; status == RN_OK && i >= 0; --i) status = layer_backward(ctx, g, i, t);
  if (status != RN_OK || l.feeds_output) return status;
  return attention_backward_step(ctx, g, t);
}

int32_t start(RnContext* ctx, const DecoderBackward& g) {
  const DecoderLayout& l = g.layout();
  for (int64_t i = 0; i < l.L; ++i) {
    const int32_t status = g.layers[i].prepare(ctx, g.layer(i), false);
    if (status != RN_OK) return status;
  }
  if (l.feeds_output) return RN_OK;
  if (!g.args->dcontext) return copy_or_zero(ctx, g.dcontext, nullptr, g.forward.steps * l.B * l.V);
  return mask_padding(ctx, g.forward, static_cast<const float*>(g.args->dcontext), l.V, g.dcontext);
}

// The states before the first step.
int32_t finish(RnContext* ctx, const DecoderBackward& g) {
  const DecoderLayout& l = g.layout();
  int32_t status = RN_OK;
  for (int64_t i = 0; status == RN_OK && i < l.L; ++i) {
    const bool asked = i == l.L - 1 && !l.feeds_output;
    status = g.layers[i].finish(ctx, asked ? query_gradient(g, 0) : StateGradient{});
  }
  return status;
}

}  // namespace

int32_t DecoderBackward::prepare(RnContext* ctx) {
  int32_t status = forward.prepare(ctx);
  if (status != RN_OK) return status;
  const DecoderLayout& l = layout();
  const int64_t rows = forward.steps * l.B;
  bool enough = true;
  const auto room = [&](int64_t n) {
    float* data = enough ? scratch_of<float>(ctx, n) : nullptr;
    enough = data != nullptr;
    return data;
  };
  dgates.reset(new (std::nothrow) float*[static_cast<size_t>(l.L)]);
  layers.reset(new (std::nothrow) StepwiseBackward[static_cast<size_t>(l.L)]);
  if (!dgates || !layers) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for gradients");
  for (int64_t i = 0; i < l.L; ++i) dgates[i] = room(l.stack.gradient_floats(rows));
  factors = room(rows * args->forward.desc.keys);
  dqueries = room(rows * l.A);
  dcontext = l.feeds_output ? nullptr : room(rows * l.V);
  djoined = l.feeds_output ? room(rows * l.joined_width) : nullptr;
  doutputs = l.feeds_output ? room(rows * l.D) : nullptr;
  dfed = l.feeds_output ? room(l.B * l.D) : nullptr;
  dstate = room(l.B * l.P);
  dinput = room(l.B * l.P);
  dh = l.stack.projects() ? room(l.L * rows * l.P) : nullptr;
  if (!enough) return RN_ERR_OUT_OF_MEMORY;
  status = forward.allocate(ctx, l.G * l.H, &dgates_rounded);
  if (status == RN_OK && l.feeds_output) status = forward.allocate(ctx, l.D, &doutputs_rounded);
  if (status == RN_OK && args->forward.w_query.data)
    status = forward.allocate(ctx, l.A, &dqueries_rounded);
  return status;
}

LayerBackward DecoderBackward::layer(int64_t l) const {
  const DecoderLayout& s = layout();
  const bool last = l == s.L - 1;
  LayerBackward layer = backward_of(s.stack, forward.layer(l), forward.reserve, *args, l);
  if (last && !s.feeds_output) layer.dy = static_cast<const float*>(args->dy);
  gradients_at(s.stack, forward.sequence.tokens, dgates[l], &layer);
  layer.dstate = dh ? dh + l * forward.steps * s.B * s.P : nullptr;
  return layer;
}

int32_t decoder_backward(RnContext* ctx, const RnDecoderBackward* args) {
  DecoderBackward g(*args);
  int32_t status = g.prepare(ctx);
  if (status == RN_OK) status = start(ctx, g);
  for (int64_t t = g.forward.steps - 1; status == RN_OK && t >= 0; --t)
    status = step_backward(ctx, g, t);
  if (status == RN_OK) status = finish(ctx, g);
  return status == RN_OK ? decoder_gradients(ctx, g) : status;
}

}  // namespace rnnative::cuda

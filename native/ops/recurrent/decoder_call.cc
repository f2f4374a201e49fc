// The checks of the decoder's arguments, which are many.
#include "native/ops/recurrent/decoder_call.h"

#include <string>

#include "native/abi/int8.h"
#include "native/ops/recurrent/parameters.h"

namespace rnnative {

namespace {

void check_steps(const Checker& check, const char* name, const Tensor& t, const char* form) {
  check.steps(name, t, form);
  for (int i = 0; i < 3; ++i) {
    if (t.shape[i] > kMaxExtent) {
      check.fail("ERR_SHAPE", std::string(name) + ": " + t.shape.to_string() + " is too large");
    }
  }
}

void check_options(const Checker& check, const DecoderArgs& args) {
  check_options(check, args.stack);
  if (args.stack.precision == RN_PRECISION_INT8)
    check.fail("ERR_UNSUPPORTED", "precision: expected f32 or bf16 in a decoder, got int8");
  for (int phase = 0; phase < RN_PHASE_COUNT; ++phase) {
    if (args.stack.amounts[phase] == 0 || rn_phase(phase)->decoder) continue;
    check.fail("ERR_ARGUMENT",
               std::string(rn_phase(phase)->name) + ": expected 0, a decoder has no such phase");
  }
  if (args.stack.directions != 1) {
    check.fail("ERR_ARGUMENT",
               "directions: expected 1, got " + std::to_string(args.stack.directions));
  }
  check_steps(check, "x", args.x, "[T, B, E] with E >= 1");
  check_steps(check, "keys", args.keys, "[Tk, B, A] with A >= 1");
  check_steps(check, "values", args.values, "[Tk, B, V] with V >= 1");
  if (args.beams < 1 || args.x.shape[1] % args.beams != 0) {
    check.fail("ERR_ARGUMENT", "beams: expected a divisor of the batch " +
                                   std::to_string(args.x.shape[1]) + ", got " +
                                   std::to_string(args.beams));
  }
  if (args.beams != 1 && args.stack.training) {
    check.fail("ERR_ARGUMENT", "beams: expected 1 in training, got " + std::to_string(args.beams));
  }
}

RnDecoderDesc describe(const Checker& check, const DecoderArgs& args) {
  RnDecoderDesc d = {};
  d.score = args.score;
  d.feeding = args.feeding;
  d.input = args.x.shape[2];
  d.keys = args.keys.shape[0];
  d.features = args.keys.shape[2];
  d.width = args.values.shape[2];
  d.beams = args.beams;
  if (args.feeding == RN_FEED_OUTPUT) {
    check.real("w_out", args.w_out);
    check.at_least("w_out", args.w_out, 2);
    d.output = args.w_out.shape[0];
    if (d.output < 1 || d.output > kMaxExtent) {
      check.fail("ERR_SHAPE",
                 "w_out: expected [D, V + P] with D >= 1, got " + args.w_out.shape.to_string());
    }
  }
  const int64_t fed = args.feeding == RN_FEED_OUTPUT ? d.output : d.width;
  d.stack = describe_stack(args.stack, args.x.shape[0], args.x.shape[1], d.input + fed);
  return d;
}

void check_weights(const Checker& check, const RnDecoderDesc& d, const DecoderArgs& args) {
  const int64_t state = d.stack.state;
  check_parameters(check, args.stack, d.stack, args.parameters);
  if (args.w_query) {
    check.real("w_query", args.w_query, Shape{d.features, state});
  } else if (d.features != state) {
    check.fail("ERR_SHAPE", "keys: expected as many features as the state (" +
                                std::to_string(state) + ") without w_query, got " +
                                args.keys.shape.to_string());
  }
  if (args.score == RN_SCORE_ADDITIVE) {
    check.real("v", args.v, Shape{d.features});
  } else if (args.v) {
    check.fail("ERR_ARGUMENT", "v: expected null, only additive scores have it");
  }
  if (args.feeding == RN_FEED_OUTPUT) {
    check.real("w_out", args.w_out, Shape{d.output, d.width + state});
    check.optional_real("b_out", args.b_out, Shape{d.output});
  } else if (args.w_out || args.b_out || args.fed0) {
    check.fail("ERR_ARGUMENT", "w_out, b_out, fed0: expected null unless feeding the output");
  }
}

}  // namespace

std::shared_ptr<DecoderCall> prepare_decoder(const Queue& queue, const Checker& check,
                                             const DecoderArgs& args) {
  check_options(check, args);
  auto call = std::make_shared<DecoderCall>();
  call->args = args;
  const RnDecoderDesc& d = call->desc = describe(check, args);
  check_weights(check, d, args);
  const int64_t time = d.stack.time, batch = d.stack.batch, rows = batch / d.beams;
  const bool has_c = rn_cell(d.stack.cell)->has_c;
  check.shape("keys", args.keys, Shape{d.keys, rows, d.features});
  check.shape("values", args.values, Shape{d.keys, rows, d.width});
  call->h = Shape{d.stack.layers, batch, d.stack.state};
  call->c = Shape{d.stack.layers, batch, d.stack.hidden};
  call->output = Shape{time, batch, call->feeds_output() ? d.output : d.stack.state};
  call->context = Shape{time, batch, d.width};
  call->weights = Shape{time, batch, d.keys};
  call->fed = Shape{batch, d.output};
  // Backends keep such arrays of every step: refused here when they are too large to count.
  for (int64_t extent : {d.stack.input, d.features, d.width + d.stack.state, d.output}) {
    check.make(Shape{time, batch, extent});
  }
  if (args.memory_lengths) check.ints("memoryLengths", args.memory_lengths, Shape{rows});
  if (args.lengths) check.ints("lengths", args.lengths, Shape{batch});
  check.optional_real("h0", args.h0, call->h);
  check.optional_real("c0", args.c0, call->c);
  check.optional_real("fed0", args.fed0, call->fed);
  if (args.c0 && !has_c)
    check.fail("ERR_ARGUMENT", "c0: expected null, the cell has no such state");
  if (d.stack.training) {
    const RnRecurrentDesc& s = d.stack;
    call->reserve = Reserve(call->empty() ? 0 : queue.backend().decoder_reserve(&d),
                            {s.cell,
                             s.layers,
                             s.time,
                             s.batch,
                             s.input,
                             s.hidden,
                             s.state,
                             static_cast<int64_t>(s.dropout > 0),
                             static_cast<int64_t>(s.random.key),
                             static_cast<int64_t>(s.random.step),
                             static_cast<int64_t>(s.random.sample_base),
                             s.precision,
                             s.phases,
                             s.draws,
                             s.norm,
                             d.score,
                             d.feeding,
                             d.input,
                             d.keys,
                             d.features,
                             d.width,
                             d.output});
  }
  return call;
}

void check_decoder_gradients(const Checker& check, const DecoderCall& call,
                             const DecoderGradients& g) {
  const DecoderArgs& args = call.args;
  check.optional_real("dy", g.dy, call.output);
  check.optional_real("dcontext", g.dcontext, call.context);
  check.optional_real("dweights", g.dweights, call.weights);
  check.optional_real("dhn", g.dhn, call.h);
  check.optional_real("dcn", g.dcn, call.c);
  check.optional_real("dfedn", g.dfedn, call.fed);
  check.sink("dx", g.dx, args.x.shape);
  check.sink("dkeys", g.dkeys, args.keys.shape);
  check.sink("dvalues", g.dvalues, args.values.shape);
  check.sink("dh0", g.dh0, call.h);
  check.sink("dc0", g.dc0, call.c);
  check.sink("dfed0", g.dfed0, call.fed);
  const auto of = [&](const char* name, const Sink& sink, const Tensor& parameter) {
    if (!sink.tensor) return;
    if (!parameter) {
      check.fail("ERR_ARGUMENT", std::string(name) + ": expected null without the parameter");
    }
    check.sink(name, sink, parameter.shape);
  };
  of("w_query.grad", g.dw_query, args.w_query);
  of("v.grad", g.dv, args.v);
  of("w_out.grad", g.dw_out, args.w_out);
  of("b_out.grad", g.db_out, args.b_out);
  if (!rn_cell(call.desc.stack.cell)->has_c && (g.dcn || g.dc0.tensor)) {
    check.fail("ERR_ARGUMENT", "dcn, dc0: expected null, the cell has no such state");
  }
  if (call.feeds_output() ? static_cast<bool>(g.dcontext)
                          : static_cast<bool>(g.dfedn) || g.dfed0.tensor) {
    check.fail("ERR_ARGUMENT", call.feeds_output()
                                   ? "dcontext: expected null when feeding the output"
                                   : "dfedn, dfed0: expected null unless feeding the output");
  }
  check_parameter_sinks(check, args.stack, call.desc.stack, args.parameters, g.parameters);
}

}  // namespace rnnative

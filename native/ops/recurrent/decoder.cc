// The checks are many, so they stand apart from the two kernels, which share one immutable Call.
#include "native/ops/recurrent/decoder.h"

#include <memory>
#include <string>

#include "native/ops/check.h"
#include "native/ops/recurrent/parameters.h"
#include "native/ops/reserve.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

constexpr const char* kForward = "decoder";
constexpr const char* kBackward = "decoder_backward";

struct Call {
  DecoderArgs args;
  RnDecoderDesc desc;
  std::vector<RnRecurrentSlots> slots;  // data filled on the engine
  RnWeight w_query, v, w_out, b_out;
  Shape h, c, output, context, weights, fed;
  Reserve reserve;

  bool feeds_output() const { return desc.feeding == RN_FEED_OUTPUT; }
  bool empty() const { return desc.stack.time == 0 || desc.stack.batch == 0; }
};

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

std::shared_ptr<Call> prepare(const Queue& queue, const Checker& check, const DecoderArgs& args) {
  check_options(check, args);
  auto call = std::make_shared<Call>();
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

void capture_weights(Queue& queue, Call* call) {
  call->slots = capture_slots(queue, call->args.parameters);
  call->w_query = queue.weight(call->args.w_query);
  call->v = queue.weight(call->args.v);
  call->w_out = queue.weight(call->args.w_out);
  call->b_out = queue.weight(call->args.b_out);
}

Op reading(const char* name, const DecoderArgs& args) {
  Op op(name, args.x.device);
  for (const Tensor& t :
       {args.x, args.w_query, args.v, args.w_out, args.b_out, args.keys, args.values,
        args.memory_lengths, args.lengths, args.h0, args.c0, args.fed0}) {
    op.reads(t);
  }
  for (const RecurrentParameters& p : args.parameters) {
    for (const Tensor& t : p) op.reads(t);
  }
  return op;
}

RnWeight open_weight(OpRun& run, RnWeight weight, const Tensor& t) {
  weight.data = run.data(t);
  return weight;
}

// Everything but outputs.
RnDecoderForward forward_args(OpRun& run, const Call& call,
                              const std::vector<RnRecurrentSlots>& slots) {
  const DecoderArgs& from = call.args;
  RnDecoderForward a = {};
  a.desc = call.desc;
  a.slots = slots.data();
  a.w_query = open_weight(run, call.w_query, from.w_query);
  a.v = open_weight(run, call.v, from.v);
  a.w_out = open_weight(run, call.w_out, from.w_out);
  a.b_out = open_weight(run, call.b_out, from.b_out);
  a.lengths = static_cast<const int32_t*>(run.data(from.lengths));
  a.memory_lengths = static_cast<const int32_t*>(run.data(from.memory_lengths));
  a.x = run.data(from.x);
  a.keys = run.data(from.keys);
  a.values = run.data(from.values);
  a.h0 = run.data(from.h0);
  a.c0 = run.data(from.c0);
  a.fed0 = run.data(from.fed0);
  return a;
}

int32_t run_forward(OpRun& run, const Call& call, const DecoderResult& result) {
  void* reserve = call.reserve.open_for_write(run, result.reserve);
  if (call.empty()) {
    int32_t status = pass_state(run, call.args.h0, {result.hn, false});
    if (status == RN_OK) status = pass_state(run, call.args.c0, {result.cn, false});
    if (status == RN_OK) status = pass_state(run, call.args.fed0, {result.fedn, false});
    return status;
  }
  const std::vector<RnRecurrentSlots> slots = open_slots(run, call.slots, call.args.parameters);
  RnDecoderForward args = forward_args(run, call, slots);
  args.y = run.data(result.y);
  args.context = run.data(result.context);
  args.weights = run.data(result.weights);
  args.hn = run.data(result.hn);
  args.cn = run.data(result.cn);
  args.fedn = run.data(result.fedn);
  args.reserve = reserve;
  return run.backend().decoder(run.context(), &args);
}

int32_t zero_all(OpRun& run, const DecoderGradients& g) {
  int32_t status = RN_OK;
  for (const Sink& sink : {g.dx, g.dkeys, g.dvalues, g.dw_query, g.dv, g.dw_out, g.db_out}) {
    if (status == RN_OK) status = zero(run, sink);
  }
  for (const RecurrentSinks& sinks : g.parameters) {
    for (const Sink& sink : sinks) {
      if (status == RN_OK) status = zero(run, sink);
    }
  }
  return status;
}

int32_t run_backward(OpRun& run, const Call& call, const Tensor& weights, const Tensor& reserve,
                     const DecoderGradients& g) {
  if (call.empty()) {
    int32_t status = pass_state(run, g.dhn, g.dh0);
    if (status == RN_OK) status = pass_state(run, g.dcn, g.dc0);
    if (status == RN_OK) status = pass_state(run, g.dfedn, g.dfed0);
    return status == RN_OK ? zero_all(run, g) : status;
  }
  const std::vector<RnRecurrentSlots> slots = open_slots(run, call.slots, call.args.parameters);
  const std::vector<RnRecurrentSlotGrads> dslots = open_sinks(run, g.parameters);
  const void* saved = call.reserve.open_for_read(run, reserve);
  if (!saved) return RN_ERR_UNSUPPORTED;
  RnDecoderBackward args = {};
  args.forward = forward_args(run, call, slots);
  args.forward.weights = run.data(weights);
  args.forward.reserve = const_cast<void*>(saved);  // only read
  args.dy = run.data(g.dy);
  args.dcontext = run.data(g.dcontext);
  args.dweights = run.data(g.dweights);
  args.dhn = run.data(g.dhn);
  args.dcn = run.data(g.dcn);
  args.dfedn = run.data(g.dfedn);
  const auto grad = [&](const Sink& sink) { return run.grad(sink.tensor, sink.add); };
  args.dx = grad(g.dx);
  args.dkeys = grad(g.dkeys);
  args.dvalues = grad(g.dvalues);
  args.dh0 = grad(g.dh0);
  args.dc0 = grad(g.dc0);
  args.dfed0 = grad(g.dfed0);
  args.dslots = dslots.data();
  args.dw_query = grad(g.dw_query);
  args.dv = grad(g.dv);
  args.dw_out = grad(g.dw_out);
  args.db_out = grad(g.db_out);
  return run.backend().decoder_backward(run.context(), &args);
}

void check_gradients(const Checker& check, const Call& call, const DecoderGradients& g) {
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

}  // namespace

RnFeeding parse_feeding(const char* op, std::string_view name) {
  return static_cast<RnFeeding>(choose(op, "feeding", name, {"context", "output"}));
}

DecoderResult decoder(Queue& queue, const DecoderArgs& args) {
  const Checker check(kForward, args.x.device);
  const std::shared_ptr<Call> call = prepare(queue, check, args);
  DecoderResult result;
  result.y = check.make(call->output);
  result.weights = check.make(call->weights);
  result.hn = check.make(call->h);
  if (rn_cell(call->desc.stack.cell)->has_c) result.cn = check.make(call->c);
  if (call->feeds_output()) {
    result.fedn = check.make(call->fed);
  } else {
    result.context = check.make(call->context);
  }
  if (args.stack.training) result.reserve = call->reserve.make(check);
  capture_weights(queue, call.get());
  queue.submit(reading(kForward, args)
                   .writes(result.y)
                   .writes(result.context)
                   .writes(result.weights)
                   .writes(result.hn)
                   .writes(result.cn)
                   .writes(result.fedn)
                   .writes(result.reserve),
               [call, result](OpRun& run) { return run_forward(run, *call, result); });
  return result;
}

void decoder_backward(Queue& queue, const DecoderArgs& args, const Tensor& weights,
                      const Tensor& reserve, const DecoderGradients& g) {
  const Checker check(kBackward, args.x.device);
  if (!args.stack.training) check.fail("ERR_ARGUMENT", "training: expected true");
  const std::shared_ptr<Call> call = prepare(queue, check, args);
  call->reserve.check(check, reserve);
  check.real("weights", weights, call->weights);
  check_gradients(check, *call, g);
  Op op = reading(kBackward, args);
  for (const Tensor& t : {weights, reserve, g.dy, g.dcontext, g.dweights, g.dhn, g.dcn, g.dfedn}) {
    op.reads(t);
  }
  for (const Sink& sink :
       {g.dx, g.dkeys, g.dvalues, g.dh0, g.dc0, g.dfed0, g.dw_query, g.dv, g.dw_out, g.db_out}) {
    op.sink(sink.tensor, sink.add);
  }
  for (const RecurrentSinks& sinks : g.parameters) {
    for (const Sink& sink : sinks) op.sink(sink.tensor, sink.add);
  }
  if (op.outputs.empty()) return;
  capture_weights(queue, call.get());
  auto sinks = std::make_shared<const DecoderGradients>(g);
  queue.submit(std::move(op), [call, weights, reserve, sinks](OpRun& run) {
    return run_backward(run, *call, weights, reserve, *sinks);
  });
}

}  // namespace rnnative

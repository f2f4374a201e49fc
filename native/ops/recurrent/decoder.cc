// The two kernels, which share one immutable call (decoder_call.h, with the checks).
#include "native/ops/recurrent/decoder.h"

#include <memory>

#include "native/ops/recurrent/decoder_call.h"
#include "native/ops/recurrent/parameters.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

constexpr const char* kForward = "decoder";
constexpr const char* kBackward = "decoder_backward";

void capture_weights(Queue& queue, DecoderCall* call) {
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
RnDecoderForward forward_args(OpRun& run, const DecoderCall& call,
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

int32_t run_forward(OpRun& run, const DecoderCall& call, const DecoderResult& result) {
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

int32_t run_backward(OpRun& run, const DecoderCall& call, const Tensor& weights,
                     const Tensor& reserve, const DecoderGradients& g) {
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

}  // namespace

RnFeeding parse_feeding(const char* op, std::string_view name) {
  return static_cast<RnFeeding>(choose(op, "feeding", name, {"context", "output"}));
}

DecoderResult decoder(Queue& queue, const DecoderArgs& args) {
  const Checker check(kForward, args.x.device);
  const std::shared_ptr<DecoderCall> call = prepare_decoder(queue, check, args);
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
  const std::shared_ptr<DecoderCall> call = prepare_decoder(queue, check, args);
  call->reserve.check(check, reserve);
  check.real("weights", weights, call->weights);
  check_decoder_gradients(check, *call, g);
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

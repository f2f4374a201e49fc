// Shapes and parameter names are PyTorch's, so messages name what a user of torch.nn.LSTM knows.
// The tensors of a deep stack are many; the kernels share one immutable Call that owns them.
#include "native/ops/recurrent/recurrent.h"

#include <memory>
#include <string>

#include "native/ops/check.h"
#include "native/ops/recurrent/parameters.h"
#include "native/ops/reserve.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

#define RN_BACKWARD_NAME(NAME, name, ...) #name "_backward",
constexpr const char* kBackwardNames[RN_CELL_COUNT] = {RN_CELLS(RN_BACKWARD_NAME)};
#undef RN_BACKWARD_NAME

// What both kernels need: checked arguments and captured weight versions.
struct Call {
  RecurrentArgs args;
  RnRecurrentDesc desc;
  std::vector<RnRecurrentSlots> slots;  // data filled on the engine
  Shape h, c, output;
  Reserve reserve;
};

RnRecurrentDesc describe(const Checker& check, const RecurrentArgs& args) {
  const RecurrentOptions& o = args.options;
  check.real("x", args.x);
  const Shape& x = args.x.shape;
  if (x.dims() != 3 || x[2] < 1) {
    check.fail("ERR_SHAPE", "x: expected [T, B, I] with I >= 1, got " + x.to_string());
  }
  for (int i = 0; i < 3; ++i) {
    if (x[i] > kMaxExtent) check.fail("ERR_SHAPE", "x: " + x.to_string() + " is too large");
  }
  return describe_stack(o, x[0], x[1], x[2]);
}

// Checks everything forward and backward have in common.
std::shared_ptr<Call> prepare(const Queue& queue, const Checker& check, const RecurrentArgs& args) {
  check_options(check, args.options);
  auto call = std::make_shared<Call>();
  call->args = args;
  call->desc = describe(check, args);
  const RnRecurrentDesc& d = call->desc;
  const int64_t cells = d.layers * d.directions;
  call->h = Shape{cells, d.batch, d.state};
  call->c = Shape{cells, d.batch, d.hidden};
  call->output = Shape{d.time, d.batch, d.directions * d.state};
  check_parameters(check, args.options, d, args.parameters, is_projected(d, args.parameters));
  if (args.lengths) check.ints("lengths", args.lengths, Shape{d.batch});
  check.optional_real("h0", args.h0, call->h);
  if (args.c0 && !rn_cell(d.cell)->has_c)
    check.fail("ERR_ARGUMENT", "c0: expected null, the cell has no such state");
  check.optional_real("c0", args.c0, call->c);
  if (d.training) {
    const bool none = d.time == 0 || d.batch == 0;
    call->reserve =
        Reserve(none ? 0 : queue.backend().recurrent_reserve(&d),
                {d.cell, d.layers, d.directions, d.time, d.batch, d.input, d.hidden, d.state,
                 static_cast<int64_t>(d.dropout > 0), static_cast<int64_t>(d.random.key),
                 static_cast<int64_t>(d.random.step), static_cast<int64_t>(d.random.sample_base),
                 d.precision, d.phases, d.draws, d.norm});
  }
  return call;
}

Op reading(const char* name, const RecurrentArgs& args) {
  Op op(name, args.x.device);
  op.reads(args.x).reads(args.lengths).reads(args.h0).reads(args.c0);
  for (const RecurrentParameters& p : args.parameters) {
    for (const Tensor& t : p) op.reads(t);
  }
  return op;
}

int32_t run_forward(OpRun& run, const Call& call, const RecurrentResult& result) {
  void* reserve = call.reserve.open_for_write(run, result.reserve);
  if (call.desc.time == 0 || call.desc.batch == 0) {
    const int32_t status = pass_state(run, call.args.h0, {result.hn, false});
    return status != RN_OK ? status : pass_state(run, call.args.c0, {result.cn, false});
  }
  const std::vector<RnRecurrentSlots> slots = open_slots(run, call.slots, call.args.parameters);
  RnRecurrentForward args = {};
  args.desc = call.desc;
  args.slots = slots.data();
  args.lengths = static_cast<const int32_t*>(run.data(call.args.lengths));
  args.x = run.data(call.args.x);
  args.h0 = run.data(call.args.h0);
  args.c0 = run.data(call.args.c0);
  args.y = run.data(result.y);
  args.hn = run.data(result.hn);
  args.cn = run.data(result.cn);
  args.reserve = reserve;
  return run.backend().recurrent(run.context(), &args);
}

int32_t run_backward(OpRun& run, const Call& call, const Tensor& reserve,
                     const RecurrentGradients& g) {
  if (call.desc.time == 0 || call.desc.batch == 0) {
    int32_t status = pass_state(run, g.dhn, g.dh0);
    if (status == RN_OK) status = pass_state(run, g.dcn, g.dc0);
    for (const RecurrentSinks& sinks : g.parameters) {
      for (const Sink& sink : sinks) {
        if (status == RN_OK) status = zero(run, sink);
      }
    }
    return status;
  }
  const std::vector<RnRecurrentSlots> slots = open_slots(run, call.slots, call.args.parameters);
  const std::vector<RnRecurrentSlotGrads> dslots = open_sinks(run, g.parameters);
  RnRecurrentBackward args = {};
  args.desc = call.desc;
  args.slots = slots.data();
  args.lengths = static_cast<const int32_t*>(run.data(call.args.lengths));
  args.x = run.data(call.args.x);
  args.h0 = run.data(call.args.h0);
  args.c0 = run.data(call.args.c0);
  args.reserve = call.reserve.open_for_read(run, reserve);
  if (!args.reserve) return RN_ERR_UNSUPPORTED;
  args.dy = run.data(g.dy);
  args.dhn = run.data(g.dhn);
  args.dcn = run.data(g.dcn);
  args.dx = run.grad(g.dx.tensor, g.dx.add);
  args.dh0 = run.grad(g.dh0.tensor, g.dh0.add);
  args.dc0 = run.grad(g.dc0.tensor, g.dc0.add);
  args.dslots = dslots.data();
  return run.backend().recurrent_backward(run.context(), &args);
}

void check_gradients(const Checker& check, const Call& call, const RecurrentGradients& g) {
  const RnRecurrentDesc& d = call.desc;
  check.optional_real("dy", g.dy, call.output);
  check.optional_real("dhn", g.dhn, call.h);
  check.optional_real("dcn", g.dcn, call.c);
  check.sink("dx", g.dx, call.args.x.shape);
  check.sink("dh0", g.dh0, call.h);
  check.sink("dc0", g.dc0, call.c);
  if (!rn_cell(d.cell)->has_c && (g.dcn || g.dc0.tensor)) {
    check.fail("ERR_ARGUMENT", "dcn, dc0: expected null, the cell has no such state");
  }
  check_parameter_sinks(check, call.args.options, d, call.args.parameters, g.parameters);
}

}  // namespace

RnCell parse_cell(std::string_view text) {
#define RN_NAME(NAME, name, ...) #name,
  return static_cast<RnCell>(choose("recurrent", "cell", text, {RN_CELLS(RN_NAME)}));
#undef RN_NAME
}

RecurrentResult recurrent(Queue& queue, const RecurrentArgs& args) {
  const char* name = rn_cell(args.options.cell)->name;
  const Checker check(name, args.x.device);
  const std::shared_ptr<Call> call = prepare(queue, check, args);
  RecurrentResult result;
  result.y = check.make(call->output);
  result.hn = check.make(call->h);
  if (rn_cell(args.options.cell)->has_c) result.cn = check.make(call->c);
  if (args.options.training) result.reserve = call->reserve.make(check);
  call->slots = capture_slots(queue, args.parameters);
  queue.submit(reading(name, args)
                   .writes(result.y)
                   .writes(result.hn)
                   .writes(result.cn)
                   .writes(result.reserve),
               [call, result](OpRun& run) { return run_forward(run, *call, result); });
  return result;
}

void recurrent_backward(Queue& queue, const RecurrentArgs& args, const Tensor& reserve,
                        const RecurrentGradients& gradients) {
  const char* name = kBackwardNames[args.options.cell];
  const Checker check(name, args.x.device);
  if (!args.options.training) check.fail("ERR_ARGUMENT", "training: expected true");
  const std::shared_ptr<Call> call = prepare(queue, check, args);
  call->reserve.check(check, reserve);
  check_gradients(check, *call, gradients);
  Op op = reading(name, args);
  op.reads(reserve).reads(gradients.dy).reads(gradients.dhn).reads(gradients.dcn);
  for (const Sink& sink : {gradients.dx, gradients.dh0, gradients.dc0}) {
    op.sink(sink.tensor, sink.add);
  }
  for (const RecurrentSinks& sinks : gradients.parameters) {
    for (const Sink& sink : sinks) op.sink(sink.tensor, sink.add);
  }
  if (op.outputs.empty()) return;
  call->slots = capture_slots(queue, args.parameters);
  auto sinks = std::make_shared<const RecurrentGradients>(gradients);
  queue.submit(std::move(op), [call, reserve, sinks](OpRun& run) {
    return run_backward(run, *call, reserve, *sinks);
  });
}

}  // namespace rnnative

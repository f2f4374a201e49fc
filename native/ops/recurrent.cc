// Shapes and parameter names are PyTorch's, so messages name what a user of torch.nn.LSTM knows.
// The tensors of a deep stack are many; the kernels share one immutable Call that owns them.
#include "native/ops/recurrent.h"

#include <limits>
#include <memory>
#include <string>

#include "native/ops/check.h"
#include "native/ops/reserve.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

constexpr int kGates[RN_CELL_COUNT] = {1, 1, 4, 3, 3};
constexpr const char* kForward[RN_CELL_COUNT] = {"rnn_tanh", "rnn_relu", "lstm", "gru",
                                                 "gru_reset_before"};
constexpr const char* kBackward[RN_CELL_COUNT] = {"rnn_tanh_backward", "rnn_relu_backward",
                                                  "lstm_backward", "gru_backward",
                                                  "gru_reset_before_backward"};
constexpr const char* kSlots[] = {"weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"};
constexpr int64_t kMaxExtent = std::numeric_limits<int32_t>::max();

// What both kernels need: checked arguments and captured weight versions.
struct Call {
  RecurrentArgs args;
  RnRecurrentDesc desc;
  std::vector<RnRecurrentSlots> slots;  // data filled on the engine
  Shape state, output;
  Reserve reserve;
};

std::string slot_name(const RecurrentOptions& o, size_t cell, int slot) {
  const size_t directions = static_cast<size_t>(o.directions);
  std::string name = kSlots[slot] + std::to_string(cell / directions);
  return cell % directions == 1 ? name + "_reverse" : name;
}

Shape slot_shape(const RnRecurrentDesc& d, size_t cell, int slot) {
  const int64_t gates = kGates[d.cell] * d.hidden;
  if (slot >= 2) return Shape{gates};
  if (slot == 1) return Shape{gates, d.hidden};
  const bool first = cell < static_cast<size_t>(d.directions);
  return Shape{gates, first ? d.input : d.directions * d.hidden};
}

void check_options(const Checker& check, const RecurrentOptions& o) {
  if (o.directions != 1 && o.directions != 2) {
    check.fail("ERR_ARGUMENT", "directions: expected 1 or 2, got " + std::to_string(o.directions));
  }
  const int64_t most = 256 - static_cast<int64_t>(o.random.stream);  // a stream of Philox per layer
  if (o.layers < 1 || o.layers > most) {
    check.fail("ERR_ARGUMENT",
               "layers: expected 1.." + std::to_string(most) + ", got " + std::to_string(o.layers));
  }
  if (o.hidden < 1 || o.hidden > kMaxExtent) {
    check.fail("ERR_ARGUMENT", "hidden: expected a positive size, got " + std::to_string(o.hidden));
  }
  check.in_range("dropout", o.dropout, 0, 1, false);
}

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
  RnRecurrentDesc d = {};
  d.cell = o.cell;
  d.layers = static_cast<int32_t>(o.layers);
  d.directions = static_cast<int32_t>(o.directions);
  d.training = o.training;
  d.time = x[0];
  d.batch = x[1];
  d.input = x[2];
  d.hidden = o.hidden;
  d.dropout = o.training ? o.dropout : 0;
  d.random = o.random;
  d.precision = o.precision;
  return d;
}

// Checks everything forward and backward have in common.
std::shared_ptr<Call> prepare(const Queue& queue, const Checker& check, const RecurrentArgs& args) {
  check_options(check, args.options);
  auto call = std::make_shared<Call>();
  call->args = args;
  call->desc = describe(check, args);
  const RnRecurrentDesc& d = call->desc;
  const int64_t cells = d.layers * d.directions;
  call->state = Shape{cells, d.batch, d.hidden};
  call->output = Shape{d.time, d.batch, d.directions * d.hidden};
  if (static_cast<int64_t>(args.parameters.size()) != cells) {
    check.fail("ERR_ARGUMENT", "parameters: expected " + std::to_string(cells) +
                                   " (layers * directions), got " +
                                   std::to_string(args.parameters.size()));
  }
  for (size_t i = 0; i < args.parameters.size(); ++i) {
    for (int slot = 0; slot < 4; ++slot) {
      const Tensor& parameter = args.parameters[i][slot];
      if (slot >= 2 && !parameter) continue;
      check.real(slot_name(args.options, i, slot), parameter, slot_shape(d, i, slot));
    }
  }
  if (args.lengths) check.ints("lengths", args.lengths, Shape{d.batch});
  check.optional_real("h0", args.h0, call->state);
  if (args.c0 && d.cell != RN_LSTM)
    check.fail("ERR_ARGUMENT", "c0: expected null, only an LSTM has a cell state");
  check.optional_real("c0", args.c0, call->state);
  if (d.training) {
    const bool none = d.time == 0 || d.batch == 0;
    call->reserve =
        Reserve(none ? 0 : queue.backend().recurrent_reserve(&d),
                {d.cell, d.layers, d.directions, d.time, d.batch, d.input, d.hidden,
                 static_cast<int64_t>(d.dropout > 0), static_cast<int64_t>(d.random.key),
                 static_cast<int64_t>(d.random.step), static_cast<int64_t>(d.random.sample_base),
                 d.precision});
  }
  return call;
}

// Last thing before submit, after every check: the queue keeps them for the op submitted next.
void capture_weights(Queue& queue, Call* call) {
  for (const RecurrentParameters& p : call->args.parameters) {
    call->slots.push_back(
        {queue.weight(p[0]), queue.weight(p[1]), queue.weight(p[2]), queue.weight(p[3])});
  }
}

Op reading(const char* name, const RecurrentArgs& args) {
  Op op(name, args.x.device);
  op.reads(args.x).reads(args.lengths).reads(args.h0).reads(args.c0);
  for (const RecurrentParameters& p : args.parameters) {
    for (const Tensor& t : p) op.reads(t);
  }
  return op;
}

std::vector<RnRecurrentSlots> slots_of(OpRun& run, const Call& call) {
  std::vector<RnRecurrentSlots> slots = call.slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const RecurrentParameters& p = call.args.parameters[i];
    slots[i].w_ih.data = run.data(p[0]);
    slots[i].w_hh.data = run.data(p[1]);
    slots[i].b_ih.data = run.data(p[2]);
    slots[i].b_hh.data = run.data(p[3]);
  }
  return slots;
}

// No steps: a state goes (or its gradient comes) through unchanged, zero where there is none.
int32_t pass_state(OpRun& run, const Tensor& from, const Sink& to) {
  if (!to.tensor) return RN_OK;
  if (!from) return zero(run, to);
  StridedAxes axes;
  axes.push(to.tensor.elements(), 1, 1);
  return strided_copy(run, axes, from.dtype, run.data(from), run.data(to.tensor), to.add);
}

int32_t run_forward(OpRun& run, const Call& call, const RecurrentResult& result) {
  void* reserve = call.reserve.open_for_write(run, result.reserve);
  if (call.desc.time == 0 || call.desc.batch == 0) {
    const int32_t status = pass_state(run, call.args.h0, {result.hn, false});
    return status != RN_OK ? status : pass_state(run, call.args.c0, {result.cn, false});
  }
  const std::vector<RnRecurrentSlots> slots = slots_of(run, call);
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
  const std::vector<RnRecurrentSlots> slots = slots_of(run, call);
  std::vector<RnRecurrentSlotGrads> dslots;
  for (const RecurrentSinks& s : g.parameters) {
    dslots.push_back({run.grad(s[0].tensor, s[0].add), run.grad(s[1].tensor, s[1].add),
                      run.grad(s[2].tensor, s[2].add), run.grad(s[3].tensor, s[3].add)});
  }
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
  check.optional_real("dhn", g.dhn, call.state);
  check.optional_real("dcn", g.dcn, call.state);
  check.sink("dx", g.dx, call.args.x.shape);
  check.sink("dh0", g.dh0, call.state);
  check.sink("dc0", g.dc0, call.state);
  if (d.cell != RN_LSTM && (g.dcn || g.dc0.tensor)) {
    check.fail("ERR_ARGUMENT", "dcn, dc0: expected null, only an LSTM has a cell state");
  }
  if (g.parameters.size() != call.args.parameters.size()) {
    check.fail("ERR_ARGUMENT", "sinks: expected those of " +
                                   std::to_string(call.args.parameters.size()) + " cells, got " +
                                   std::to_string(g.parameters.size()));
  }
  for (size_t i = 0; i < g.parameters.size(); ++i) {
    for (int slot = 0; slot < 4; ++slot) {
      const Sink& sink = g.parameters[i][slot];
      if (!sink.tensor) continue;
      const std::string name = slot_name(call.args.options, i, slot) + ".grad";
      check.sink(name, sink, slot_shape(d, i, slot));
      if (!call.args.parameters[i][slot]) {
        check.fail("ERR_ARGUMENT", name + ": expected null without the parameter");
      }
    }
  }
}

}  // namespace

RnCell parse_cell(std::string_view name) {
  return static_cast<RnCell>(
      choose("recurrent", "cell", name,
             {kForward[0], kForward[1], kForward[2], kForward[3], kForward[4]}));
}

RecurrentResult recurrent(Queue& queue, const RecurrentArgs& args) {
  const char* name = kForward[args.options.cell];
  const Checker check(name, args.x.device);
  const std::shared_ptr<Call> call = prepare(queue, check, args);
  RecurrentResult result;
  result.y = check.make(call->output);
  result.hn = check.make(call->state);
  if (args.options.cell == RN_LSTM) result.cn = check.make(call->state);
  if (args.options.training) result.reserve = call->reserve.make(check);
  capture_weights(queue, call.get());
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
  const char* name = kBackward[args.options.cell];
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
  capture_weights(queue, call.get());
  auto sinks = std::make_shared<const RecurrentGradients>(gradients);
  queue.submit(std::move(op), [call, reserve, sinks](OpRun& run) {
    return run_backward(run, *call, reserve, *sinks);
  });
}

}  // namespace rnnative

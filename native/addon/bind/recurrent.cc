// recurrent and its gradient.
#include "native/ops/recurrent/recurrent.h"
#include "native/addon/arguments.h"
#include "native/addon/bind/recurrent_arguments.h"

namespace rnnative::addon {
namespace {

// The first six arguments of both functions.
RecurrentArgs read_args(const Info& info, const char* op) {
  RecurrentArgs args;
  args.options = read_recurrent_options(info[0], op);
  args.x = tensor_arg(info, 1, op, "x");
  args.parameters = read_recurrent_parameters(info[2], op);
  args.lengths = maybe_tensor_arg(info, 3, op, "lengths");
  args.h0 = maybe_tensor_arg(info, 4, op, "h0");
  args.c0 = maybe_tensor_arg(info, 5, op, "c0");
  return args;
}

Napi::Value recurrent(const Info& info) {
  const RecurrentArgs args = read_args(info, "recurrent");
  const RecurrentResult made = rnnative::recurrent(queue(info.Env(), args.x.device), args);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("y", wrap(info.Env(), made.y));
  result.Set("hn", wrap(info.Env(), made.hn));
  result.Set("cn", wrap(info.Env(), made.cn));
  result.Set("reserve", wrap(info.Env(), made.reserve));
  return result;
}

Napi::Value recurrent_backward(const Info& info) {
  constexpr const char* kOp = "recurrent_backward";
  const RecurrentArgs args = read_args(info, kOp);
  const Tensor reserve = tensor_arg(info, 6, kOp, "reserve");
  RecurrentGradients gradients;
  gradients.dy = maybe_tensor_arg(info, 7, kOp, "dy");
  gradients.dhn = maybe_tensor_arg(info, 8, kOp, "dhn");
  gradients.dcn = maybe_tensor_arg(info, 9, kOp, "dcn");
  const size_t cells = args.parameters.size();
  const std::vector<Sink> sinks = to_sinks(info[10], info[11], 3 + kRecurrentSlots * cells, kOp);
  gradients.dx = sinks[0];
  gradients.dh0 = sinks[1];
  gradients.dc0 = sinks[2];
  for (size_t i = 0; i < cells; ++i) {
    const Sink* of_cell = sinks.data() + 3 + kRecurrentSlots * i;
    gradients.parameters.push_back({of_cell[0], of_cell[1], of_cell[2], of_cell[3]});
  }
  rnnative::recurrent_backward(queue(info.Env(), args.x.device), args, reserve, gradients);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_recurrent(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::recurrent>(env, exports, "recurrent");
  addon::export_function<&addon::recurrent_backward>(env, exports, "recurrentBackward");
}

}  // namespace rnnative

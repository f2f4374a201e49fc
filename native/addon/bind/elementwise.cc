// unary, binary, reduce and their gradients.
#include "native/ops/elementwise.h"
#include "native/addon/arguments.h"
#include "native/ops/reduce.h"

namespace rnnative::addon {
namespace {

Napi::Value unary(const Info& info) {
  constexpr const char* kOp = "unary";
  const RnUnary op = parse_unary(kOp, to_string(info[0], kOp, "op"));
  const Tensor x = tensor_arg(info, 1, kOp, "x");
  const double a = number_arg(info, 2, kOp, "a");
  const double b = number_arg(info, 3, kOp, "b");
  return wrap(info.Env(), rnnative::unary(queue(info.Env(), x.device), op, x, a, b));
}

Napi::Value unary_backward(const Info& info) {
  constexpr const char* kOp = "unary_backward";
  const RnUnary op = parse_unary(kOp, to_string(info[0], kOp, "op"));
  const Tensor x = tensor_arg(info, 1, kOp, "x");
  const Tensor y = tensor_arg(info, 2, kOp, "y");
  const Tensor dy = tensor_arg(info, 3, kOp, "dy");
  const double a = number_arg(info, 4, kOp, "a");
  const double b = number_arg(info, 5, kOp, "b");
  const std::vector<Sink> sinks = to_sinks(info[6], info[7], 1, kOp);
  rnnative::unary_backward(queue(info.Env(), x.device), op, x, y, dy, a, b, sinks[0]);
  return info.Env().Undefined();
}

Napi::Value binary(const Info& info) {
  constexpr const char* kOp = "binary";
  const RnBinary op = parse_binary(kOp, to_string(info[0], kOp, "op"));
  const Tensor a = tensor_arg(info, 1, kOp, "a");
  const Tensor b = tensor_arg(info, 2, kOp, "b");
  return wrap(info.Env(), rnnative::binary(queue(info.Env(), a.device), op, a, b));
}

Napi::Value binary_backward(const Info& info) {
  constexpr const char* kOp = "binary_backward";
  const RnBinary op = parse_binary(kOp, to_string(info[0], kOp, "op"));
  const Tensor a = tensor_arg(info, 1, kOp, "a");
  const Tensor b = tensor_arg(info, 2, kOp, "b");
  const Tensor dy = tensor_arg(info, 3, kOp, "dy");
  const std::vector<Sink> sinks = to_sinks(info[4], info[5], 2, kOp);
  rnnative::binary_backward(queue(info.Env(), a.device), op, a, b, dy, sinks[0], sinks[1]);
  return info.Env().Undefined();
}

Napi::Value reduce(const Info& info) {
  constexpr const char* kOp = "reduce";
  const RnReduce op = parse_reduce(kOp, to_string(info[0], kOp, "op"));
  const Tensor x = tensor_arg(info, 1, kOp, "x");
  const int64_t axis = integer_arg(info, 2, 0, Shape::kMaxDims, kOp, "axis");
  const Reduced reduced = rnnative::reduce(queue(info.Env(), x.device), op, x, axis);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("y", wrap(info.Env(), reduced.y));
  result.Set("argmax", wrap(info.Env(), reduced.argmax));
  return result;
}

Napi::Value reduce_backward(const Info& info) {
  constexpr const char* kOp = "reduce_backward";
  const RnReduce op = parse_reduce(kOp, to_string(info[0], kOp, "op"));
  const Shape shape = shape_arg(info, 1, kOp, "shape");
  const int64_t axis = integer_arg(info, 2, 0, Shape::kMaxDims, kOp, "axis");
  const Tensor argmax = maybe_tensor_arg(info, 3, kOp, "argmax");
  const Tensor dy = tensor_arg(info, 4, kOp, "dy");
  const std::vector<Sink> sinks = to_sinks(info[5], info[6], 1, kOp);
  rnnative::reduce_backward(queue(info.Env(), dy.device), op, shape, axis, argmax, dy, sinks[0]);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_elementwise(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::unary>(env, exports, "unary");
  addon::export_function<&addon::unary_backward>(env, exports, "unaryBackward");
  addon::export_function<&addon::binary>(env, exports, "binary");
  addon::export_function<&addon::binary_backward>(env, exports, "binaryBackward");
  addon::export_function<&addon::reduce>(env, exports, "reduce");
  addon::export_function<&addon::reduce_backward>(env, exports, "reduceBackward");
}

}  // namespace rnnative

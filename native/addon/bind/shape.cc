// permute, slice, concat, maskTime, poolTime.
#include "native/ops/shape.h"
#include "native/addon/arguments.h"
#include "native/ops/pool_time.h"

namespace rnnative::addon {
namespace {

constexpr int64_t kAnyInteger = INT64_MAX;  // the readers cap it at safe integers

// The sink that the caller gave, or a handle on the tensor made without one.
Napi::Value sink_or(const Info& info, size_t sink, const Tensor& made) {
  const Napi::Value given = info[sink];
  return given.IsNull() || given.IsUndefined() ? wrap(info.Env(), made) : given;
}

Napi::Value permute(const Info& info) {
  constexpr const char* kOp = "permute";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const std::vector<int64_t> axes = to_integers(info[1], 0, Shape::kMaxDims, kOp, "axes");
  const Tensor sink = maybe_tensor_arg(info, 2, kOp, "sink");
  const bool add = bool_arg(info, 3, kOp, "add");
  return sink_or(info, 2, rnnative::permute(queue(info.Env(), x.device), x, axes, {sink, add}));
}

Napi::Value slice(const Info& info) {
  constexpr const char* kOp = "slice";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const int64_t axis = integer_arg(info, 1, 0, Shape::kMaxDims, kOp, "axis");
  const int64_t begin = integer_arg(info, 2, 0, kAnyInteger, kOp, "begin");
  const int64_t length = integer_arg(info, 3, 0, kAnyInteger, kOp, "length");
  return wrap(info.Env(), rnnative::slice(queue(info.Env(), x.device), x, axis, begin, length));
}

Napi::Value slice_backward(const Info& info) {
  constexpr const char* kOp = "slice_backward";
  const Tensor dy = tensor_arg(info, 0, kOp, "dy");
  const int64_t axis = integer_arg(info, 1, 0, Shape::kMaxDims, kOp, "axis");
  const int64_t begin = integer_arg(info, 2, 0, kAnyInteger, kOp, "begin");
  const Tensor dx = tensor_arg(info, 3, kOp, "dx");
  const bool add = bool_arg(info, 4, kOp, "add");
  rnnative::slice_backward(queue(info.Env(), dy.device), dy, axis, begin, {dx, add});
  return info.Env().Undefined();
}

Napi::Value concat(const Info& info) {
  constexpr const char* kOp = "concat";
  const std::vector<Tensor> xs = to_tensors(info[0], kOp, "xs");
  const int64_t axis = integer_arg(info, 1, 0, Shape::kMaxDims, kOp, "axis");
  const Device device = xs.empty() ? Device::kCpu : xs[0].device;
  return wrap(info.Env(), rnnative::concat(queue(info.Env(), device), xs, axis));
}

Napi::Value mask_time(const Info& info) {
  constexpr const char* kOp = "mask_time";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const Tensor lengths = tensor_arg(info, 1, kOp, "lengths");
  const Tensor sink = maybe_tensor_arg(info, 2, kOp, "sink");
  const bool add = bool_arg(info, 3, kOp, "add");
  return sink_or(info, 2,
                 rnnative::mask_time(queue(info.Env(), x.device), x, lengths, {sink, add}));
}

Napi::Value pool_time(const Info& info) {
  constexpr const char* kOp = "pool_time";
  const RnPool op = parse_pool(kOp, to_string(info[0], kOp, "op"));
  const Tensor x = tensor_arg(info, 1, kOp, "x");
  const Tensor lengths = maybe_tensor_arg(info, 2, kOp, "lengths");
  const Pooled made = rnnative::pool_time(queue(info.Env(), x.device), op, x, lengths);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("y", wrap(info.Env(), made.y));
  result.Set("steps", wrap(info.Env(), made.steps));
  return result;
}

Napi::Value pool_time_backward(const Info& info) {
  constexpr const char* kOp = "pool_time_backward";
  const RnPool op = parse_pool(kOp, to_string(info[0], kOp, "op"));
  const Tensor lengths = maybe_tensor_arg(info, 1, kOp, "lengths");
  const Tensor steps = maybe_tensor_arg(info, 2, kOp, "steps");
  const Tensor dy = tensor_arg(info, 3, kOp, "dy");
  const std::vector<Sink> sinks = to_sinks(info[4], info[5], 1, kOp);
  rnnative::pool_time_backward(queue(info.Env(), dy.device), op, lengths, steps, dy, sinks[0]);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_shape(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::permute>(env, exports, "permute");
  addon::export_function<&addon::slice>(env, exports, "slice");
  addon::export_function<&addon::slice_backward>(env, exports, "sliceBackward");
  addon::export_function<&addon::concat>(env, exports, "concat");
  addon::export_function<&addon::mask_time>(env, exports, "maskTime");
  addon::export_function<&addon::pool_time>(env, exports, "poolTime");
  addon::export_function<&addon::pool_time_backward>(env, exports, "poolTimeBackward");
}

}  // namespace rnnative

// pointerLosses, pointerMixture.
#include "native/ops/pointer.h"
#include "native/addon/arguments.h"

namespace rnnative::addon {
namespace {

// The five arguments that all share.
PointerArgs pointer_args(const Info& info, const char* op) {
  PointerArgs args;
  args.gates = tensor_arg(info, 0, op, "gates");
  args.weights = tensor_arg(info, 1, op, "weights");
  args.ids = tensor_arg(info, 2, op, "ids");
  args.lengths = maybe_tensor_arg(info, 3, op, "lengths");
  args.vocabulary = integer_arg(info, 4, 1, INT32_MAX, op, "vocabulary");
  return args;
}

PointerTargets targets_arg(const Info& info, const char* op) {
  return {tensor_arg(info, 5, op, "targets"), tensor_arg(info, 6, op, "generated")};
}

Napi::Value pointer_losses(const Info& info) {
  constexpr const char* kOp = "pointer_losses";
  const PointerArgs args = pointer_args(info, kOp);
  const PointerTargets targets = targets_arg(info, kOp);
  return wrap(info.Env(),
              rnnative::pointer_losses(queue(info.Env(), args.weights.device), args, targets));
}

Napi::Value pointer_losses_backward(const Info& info) {
  constexpr const char* kOp = "pointer_losses_backward";
  const PointerArgs args = pointer_args(info, kOp);
  const PointerTargets targets = targets_arg(info, kOp);
  const Tensor dlosses = tensor_arg(info, 7, kOp, "dlosses");
  const std::vector<Sink> sinks = to_sinks(info[8], info[9], 3, kOp);
  rnnative::pointer_losses_backward(queue(info.Env(), args.weights.device), args, targets, dlosses,
                                    sinks[0], sinks[1], sinks[2]);
  return info.Env().Undefined();
}

Napi::Value pointer_mixture(const Info& info) {
  constexpr const char* kOp = "pointer_mixture";
  const PointerArgs args = pointer_args(info, kOp);
  const Tensor logs = tensor_arg(info, 5, kOp, "logs");
  const int64_t width = integer_arg(info, 6, 1, INT32_MAX, kOp, "width");
  return wrap(info.Env(),
              rnnative::pointer_mixture(queue(info.Env(), args.weights.device), args, logs, width));
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_pointer(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::pointer_losses>(env, exports, "pointerLosses");
  addon::export_function<&addon::pointer_losses_backward>(env, exports, "pointerLossesBackward");
  addon::export_function<&addon::pointer_mixture>(env, exports, "pointerMixture");
}

}  // namespace rnnative

// globalNorm and optimizerStep.
#include "native/ops/optimizer.h"
#include "native/addon/arguments.h"

namespace rnnative::addon {
namespace {

Napi::Value global_norm(const Info& info) {
  constexpr const char* kOp = "global_norm";
  const std::vector<Tensor> gradients = to_tensors(info[0], kOp, "gradients");
  const Device device = gradients.empty() ? Device::kCpu : gradients[0].device;
  return wrap(info.Env(), rnnative::global_norm(queue(info.Env(), device), gradients));
}

OptimizerOptions read_options(Napi::Value value, const char* op) {
  const Napi::Object object = to_options(value, op, "options");
  const auto number = [&](const char* name) { return to_number(object.Get(name), op, name); };
  OptimizerOptions options;
  options.kind = parse_optimizer(to_string(object.Get("kind"), op, "kind"));
  options.clip_norm = number("clipNorm");
  options.lr = number("lr");
  options.weight_decay = number("weightDecay");
  options.momentum = number("momentum");
  options.dampening = number("dampening");
  options.beta1 = number("beta1");
  options.beta2 = number("beta2");
  options.eps = number("eps");
  options.alpha = number("alpha");
  options.lr_decay = number("lrDecay");
  options.nesterov = to_bool(object.Get("nesterov"), op, "nesterov");
  options.centered = to_bool(object.Get("centered"), op, "centered");
  options.step = to_integer(object.Get("step"), 1, INT64_MAX, op, "step");
  return options;
}

Napi::Value optimizer_step(const Info& info) {
  constexpr const char* kOp = "optimizer_step";
  const OptimizerOptions options = read_options(info[0], kOp);
  const Tensor parameter = tensor_arg(info, 1, kOp, "parameter");
  const Tensor gradient = tensor_arg(info, 2, kOp, "gradient");
  const std::vector<Tensor> given = to_tensors(info[3], kOp, "state", true);
  OptimizerState state;
  if (given.size() > state.size()) {
    throw Error("ERR_ARGUMENT", "[optimizer_step] state: expected at most 3 entries, got " +
                                    std::to_string(given.size()));
  }
  for (size_t i = 0; i < given.size(); ++i) state[i] = given[i];
  const Tensor norm = maybe_tensor_arg(info, 4, kOp, "norm");
  const Tensor rows = maybe_tensor_arg(info, 5, kOp, "rows");
  rnnative::optimizer_step(queue(info.Env(), parameter.device), options, parameter, gradient, state,
                           norm, rows);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_optimizer(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::global_norm>(env, exports, "globalNorm");
  addon::export_function<&addon::optimizer_step>(env, exports, "optimizerStep");
}

}  // namespace rnnative

// crf.
#include "native/ops/crf.h"
#include "native/addon/arguments.h"

namespace rnnative::addon {
namespace {

// The six arguments that crf and its gradient share.
CrfArgs crf_args(const Info& info, const char* op) {
  CrfArgs args;
  args.emissions = tensor_arg(info, 0, op, "emissions");
  args.transitions = tensor_arg(info, 1, op, "transitions");
  args.start = tensor_arg(info, 2, op, "start");
  args.end = tensor_arg(info, 3, op, "end");
  args.targets = tensor_arg(info, 4, op, "tags");
  args.lengths = maybe_tensor_arg(info, 5, op, "lengths");
  return args;
}

Napi::Value crf(const Info& info) {
  constexpr const char* kOp = "crf";
  const CrfArgs args = crf_args(info, kOp);
  const bool training = bool_arg(info, 6, kOp, "training");
  const CrfResult made = rnnative::crf(queue(info.Env(), args.emissions.device), args, training);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("likelihoods", wrap(info.Env(), made.likelihoods));
  result.Set("reserve", wrap(info.Env(), made.reserve));
  return result;
}

Napi::Value crf_backward(const Info& info) {
  constexpr const char* kOp = "crf_backward";
  const CrfArgs args = crf_args(info, kOp);
  const Tensor reserve = tensor_arg(info, 6, kOp, "reserve");
  const Tensor dlikelihoods = tensor_arg(info, 7, kOp, "dlikelihoods");
  const std::vector<Sink> sinks = to_sinks(info[8], info[9], 4, kOp);
  rnnative::crf_backward(queue(info.Env(), args.emissions.device), args, reserve, dlikelihoods,
                         sinks[0], sinks[1], sinks[2], sinks[3]);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_crf(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::crf>(env, exports, "crf");
  addon::export_function<&addon::crf_backward>(env, exports, "crfBackward");
}

}  // namespace rnnative

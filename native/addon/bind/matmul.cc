// matmul and linear.
#include "native/ops/matmul.h"
#include "native/addon/arguments.h"

namespace rnnative::addon {
namespace {

Napi::Value matmul(const Info& info) {
  constexpr const char* kOp = "matmul";
  const Tensor a = tensor_arg(info, 0, kOp, "a");
  const Tensor b = tensor_arg(info, 1, kOp, "b");
  const bool trans_a = bool_arg(info, 2, kOp, "transA");
  const bool trans_b = bool_arg(info, 3, kOp, "transB");
  return wrap(info.Env(), rnnative::matmul(queue(info.Env(), a.device), a, b, trans_a, trans_b));
}

Napi::Value matmul_into(const Info& info) {
  constexpr const char* kOp = "matmul_into";
  const Tensor a = tensor_arg(info, 0, kOp, "a");
  const Tensor b = tensor_arg(info, 1, kOp, "b");
  const bool trans_a = bool_arg(info, 2, kOp, "transA");
  const bool trans_b = bool_arg(info, 3, kOp, "transB");
  const Tensor y = tensor_arg(info, 4, kOp, "y");
  const bool add = bool_arg(info, 5, kOp, "add");
  rnnative::matmul_into(queue(info.Env(), a.device), a, b, trans_a, trans_b, {y, add});
  return info.Env().Undefined();
}

Napi::Value linear(const Info& info) {
  constexpr const char* kOp = "linear";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const Tensor weight = tensor_arg(info, 1, kOp, "weight");
  const Tensor bias = maybe_tensor_arg(info, 2, kOp, "bias");
  const int32_t precision = to_linear_precision(info[3], kOp, "precision");
  return wrap(info.Env(),
              rnnative::linear(queue(info.Env(), x.device), x, weight, bias, precision));
}

Napi::Value linear_backward(const Info& info) {
  constexpr const char* kOp = "linear_backward";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const Tensor weight = tensor_arg(info, 1, kOp, "weight");
  const Tensor dy = tensor_arg(info, 2, kOp, "dy");
  const std::vector<Sink> sinks = to_sinks(info[3], info[4], 3, kOp);
  rnnative::linear_backward(queue(info.Env(), x.device), x, weight, dy, sinks[0], sinks[1],
                            sinks[2], to_precision(info[5], kOp, "precision"));
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_matmul(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::matmul>(env, exports, "matmul");
  addon::export_function<&addon::matmul_into>(env, exports, "matmulInto");
  addon::export_function<&addon::linear>(env, exports, "linear");
  addon::export_function<&addon::linear_backward>(env, exports, "linearBackward");
}

}  // namespace rnnative

// compare, where, oneHot, toReal.
#include "native/addon/arguments.h"
#include "native/ops/compare.h"
#include "native/ops/one_hot.h"
#include "native/ops/where.h"

namespace rnnative::addon {
namespace {

Napi::Value compare(const Info& info) {
  constexpr const char* kOp = "compare";
  const RnCompareOp op = parse_comparison(kOp, to_string(info[0], kOp, "op"));
  const Tensor a = tensor_arg(info, 1, kOp, "a");
  const Tensor b = tensor_arg(info, 2, kOp, "b");
  return wrap(info.Env(), rnnative::compare(queue(info.Env(), a.device), op, a, b));
}

Napi::Value where(const Info& info) {
  constexpr const char* kOp = "where";
  const Tensor condition = tensor_arg(info, 0, kOp, "condition");
  const Tensor a = tensor_arg(info, 1, kOp, "a");
  const Tensor b = tensor_arg(info, 2, kOp, "b");
  return wrap(info.Env(), rnnative::where(queue(info.Env(), a.device), condition, a, b));
}

Napi::Value where_backward(const Info& info) {
  constexpr const char* kOp = "where_backward";
  const Tensor condition = tensor_arg(info, 0, kOp, "condition");
  const Tensor dy = tensor_arg(info, 1, kOp, "dy");
  const std::vector<Sink> sinks = to_sinks(info[2], info[3], 2, kOp);
  rnnative::where_backward(queue(info.Env(), dy.device), condition, dy, sinks[0], sinks[1]);
  return info.Env().Undefined();
}

Napi::Value one_hot(const Info& info) {
  constexpr const char* kOp = "one_hot";
  const Tensor ids = tensor_arg(info, 0, kOp, "ids");
  const int64_t classes = integer_arg(info, 1, 1, INT32_MAX, kOp, "classes");
  return wrap(info.Env(), rnnative::one_hot(queue(info.Env(), ids.device), ids, classes));
}

Napi::Value to_real(const Info& info) {
  const Tensor x = tensor_arg(info, 0, "to_real", "x");
  return wrap(info.Env(), rnnative::to_real(queue(info.Env(), x.device), x));
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_select(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::compare>(env, exports, "compare");
  addon::export_function<&addon::where>(env, exports, "where");
  addon::export_function<&addon::where_backward>(env, exports, "whereBackward");
  addon::export_function<&addon::one_hot>(env, exports, "oneHot");
  addon::export_function<&addon::to_real>(env, exports, "toReal");
}

}  // namespace rnnative

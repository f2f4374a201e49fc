// topk.
#include "native/addon/arguments.h"
#include "native/ops/topk.h"

namespace rnnative::addon {
namespace {

Napi::Value topk(const Info& info) {
  constexpr const char* kOp = "topk";
  TopkArgs args;
  args.logits = tensor_arg(info, 0, kOp, "logits");
  args.scores = tensor_arg(info, 1, kOp, "scores");
  args.beams = integer_arg(info, 2, 1, INT32_MAX, kOp, "beams");
  args.k = integer_arg(info, 3, 1, INT32_MAX, kOp, "k");
  args.penalty_rows = maybe_tensor_arg(info, 4, kOp, "penaltyRows");
  args.penalty_tokens = maybe_tensor_arg(info, 5, kOp, "penaltyTokens");
  args.penalty_values = maybe_tensor_arg(info, 6, kOp, "penaltyValues");
  const Topk made = rnnative::topk(queue(info.Env(), args.logits.device), args);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("indices", wrap(info.Env(), made.indices));
  result.Set("scores", wrap(info.Env(), made.scores));
  return result;
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_search(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::topk>(env, exports, "topk");
}

}  // namespace rnnative

// topk, extendBeams, sampleTokens.
#include "native/addon/arguments.h"
#include "native/ops/extend_beams.h"
#include "native/ops/sample_tokens.h"
#include "native/ops/topk.h"

namespace rnnative::addon {
namespace {

// At positions `first` to first + 2.
Penalties penalties_arg(const Info& info, size_t first, Device device, const char* op) {
  return {maybe_list_arg(info, first, device, DType::kI32, op, "penaltyRows"),
          maybe_list_arg(info, first + 1, device, DType::kI32, op, "penaltyTokens"),
          maybe_list_arg(info, first + 2, device, real_dtype(device), op, "penaltyValues")};
}

Napi::Value topk(const Info& info) {
  constexpr const char* kOp = "topk";
  TopkArgs args;
  args.logits = tensor_arg(info, 0, kOp, "logits");
  args.scores = tensor_arg(info, 1, kOp, "scores");
  args.beams = integer_arg(info, 2, 1, INT32_MAX, kOp, "beams");
  args.k = integer_arg(info, 3, 1, INT32_MAX, kOp, "k");
  args.penalties = penalties_arg(info, 4, args.logits.device, kOp);
  const Topk made = rnnative::topk(queue(info.Env(), args.logits.device), args);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("indices", wrap(info.Env(), made.indices));
  result.Set("scores", wrap(info.Env(), made.scores));
  return result;
}

Napi::Value extend_beams(const Info& info) {
  constexpr const char* kOp = "extend_beams";
  ExtendBeamsArgs args;
  args.indices = tensor_arg(info, 0, kOp, "indices");
  args.best = tensor_arg(info, 1, kOp, "best");
  args.beams = integer_arg(info, 2, 1, INT32_MAX, kOp, "beams");
  args.vocabulary = integer_arg(info, 3, 1, INT32_MAX, kOp, "vocabulary");
  args.end = integer_arg(info, 4, 0, INT32_MAX, kOp, "end");
  args.known = integer_arg(info, 5, 1, INT32_MAX, kOp, "known");
  args.unknown = integer_arg(info, 6, 0, INT32_MAX, kOp, "unknown");
  const ExtendedBeams made = rnnative::extend_beams(queue(info.Env(), args.best.device), args);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("tokens", wrap(info.Env(), made.tokens));
  result.Set("rows", wrap(info.Env(), made.rows));
  result.Set("scores", wrap(info.Env(), made.scores));
  return result;
}

Napi::Value sample_tokens(const Info& info) {
  constexpr const char* kOp = "sample_tokens";
  SampleTokensArgs args;
  args.logits = tensor_arg(info, 0, kOp, "logits");
  args.given = maybe_tensor_arg(info, 1, kOp, "given");
  args.words = maybe_list_arg(info, 2, args.logits.device, DType::kI32, kOp, "words");
  args.temperature = number_arg(info, 3, kOp, "temperature");
  args.top_k = integer_arg(info, 4, 0, INT32_MAX, kOp, "topK");
  args.top_p = number_arg(info, 5, kOp, "topP");
  args.penalties = penalties_arg(info, 6, args.logits.device, kOp);
  const SampledTokens made = rnnative::sample_tokens(queue(info.Env(), args.logits.device), args);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("tokens", wrap(info.Env(), made.tokens));
  result.Set("logProbabilities", wrap(info.Env(), made.log_probabilities));
  return result;
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_search(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::topk>(env, exports, "topk");
  addon::export_function<&addon::extend_beams>(env, exports, "extendBeams");
  addon::export_function<&addon::sample_tokens>(env, exports, "sampleTokens");
}

}  // namespace rnnative

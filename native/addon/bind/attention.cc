// attention and its gradient.
#include "native/ops/attention.h"
#include "native/addon/arguments.h"

namespace rnnative::addon {
namespace {

// The first seven arguments of both functions.
AttentionArgs read_attention(const Info& info, const char* op) {
  AttentionArgs args;
  args.score = parse_score(op, to_string(info[0], op, "score"));
  args.queries = tensor_arg(info, 1, op, "queries");
  args.keys = tensor_arg(info, 2, op, "keys");
  args.values = tensor_arg(info, 3, op, "values");
  args.v = maybe_tensor_arg(info, 4, op, "v");
  args.query_lengths = maybe_tensor_arg(info, 5, op, "queryLengths");
  args.memory_lengths = maybe_tensor_arg(info, 6, op, "memoryLengths");
  return args;
}

Napi::Value attention(const Info& info) {
  const AttentionArgs args = read_attention(info, "attention");
  const AttentionResult made = rnnative::attention(queue(info.Env(), args.queries.device), args);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("context", wrap(info.Env(), made.context));
  result.Set("weights", wrap(info.Env(), made.weights));
  return result;
}

Napi::Value attention_backward(const Info& info) {
  constexpr const char* kOp = "attention_backward";
  const AttentionArgs args = read_attention(info, kOp);
  const Tensor weights = tensor_arg(info, 7, kOp, "weights");
  AttentionGradients gradients;
  gradients.dcontext = maybe_tensor_arg(info, 8, kOp, "dcontext");
  gradients.dweights = maybe_tensor_arg(info, 9, kOp, "dweights");
  const std::vector<Sink> sinks = to_sinks(info[10], info[11], 4, kOp);
  gradients.dqueries = sinks[0];
  gradients.dkeys = sinks[1];
  gradients.dvalues = sinks[2];
  gradients.dv = sinks[3];
  rnnative::attention_backward(queue(info.Env(), args.queries.device), args, weights, gradients);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_attention(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::attention>(env, exports, "attention");
  addon::export_function<&addon::attention_backward>(env, exports, "attentionBackward");
}

}  // namespace rnnative

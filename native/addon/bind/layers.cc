// embedding, touchedRows, dropout, layerNorm, softmax, crossEntropy.
#include "native/addon/arguments.h"
#include "native/ops/cross_entropy.h"
#include "native/ops/dropout.h"
#include "native/ops/embedding.h"
#include "native/ops/layer_norm.h"
#include "native/ops/softmax.h"

namespace rnnative::addon {
namespace {

Napi::Value embedding(const Info& info) {
  constexpr const char* kOp = "embedding";
  const Tensor ids = tensor_arg(info, 0, kOp, "ids");
  const Tensor table = tensor_arg(info, 1, kOp, "table");
  return wrap(info.Env(), rnnative::embedding(queue(info.Env(), table.device), ids, table));
}

Napi::Value embedding_backward(const Info& info) {
  constexpr const char* kOp = "embedding_backward";
  const Tensor ids = tensor_arg(info, 0, kOp, "ids");
  const Tensor dy = tensor_arg(info, 1, kOp, "dy");
  const std::vector<Sink> sinks = to_sinks(info[2], info[3], 1, kOp);
  rnnative::embedding_backward(queue(info.Env(), dy.device), ids, dy, sinks[0]);
  return info.Env().Undefined();
}

Napi::Value touched_rows(const Info& info) {
  constexpr const char* kOp = "touched_rows";
  const std::vector<Tensor> ids = to_tensors(info[0], kOp, "ids");
  const std::vector<int64_t> none = to_integers(info[1], -1, INT32_MAX, kOp, "none");
  const Tensor dy = tensor_arg(info, 2, kOp, "dy");
  const int64_t vocabulary = integer_arg(info, 3, 0, INT32_MAX, kOp, "vocabulary");
  const TouchedRows made =
      rnnative::touched_rows(queue(info.Env(), dy.device), ids, none, dy, vocabulary);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("touched", wrap(info.Env(), made.touched));
  result.Set("sums", wrap(info.Env(), made.sums));
  return result;
}

Napi::Value dropout(const Info& info) {
  constexpr const char* kOp = "dropout";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const double p = number_arg(info, 1, kOp, "p");
  const int64_t axis = integer_arg(info, 2, 0, Shape::kMaxDims, kOp, "batchAxis");
  const RnRandom random = to_random(info[3], kOp, "random");
  const Tensor sink = maybe_tensor_arg(info, 4, kOp, "sink");
  const bool add = bool_arg(info, 5, kOp, "add");
  const Tensor y = rnnative::dropout(queue(info.Env(), x.device), x, p, axis, random, {sink, add});
  return sink ? info[4] : wrap(info.Env(), y);
}

Napi::Value layer_norm(const Info& info) {
  constexpr const char* kOp = "layer_norm";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const Tensor gain = maybe_tensor_arg(info, 1, kOp, "gain");
  const Tensor bias = maybe_tensor_arg(info, 2, kOp, "bias");
  const double eps = number_arg(info, 3, kOp, "eps");
  const bool training = bool_arg(info, 4, kOp, "training");
  const LayerNormed normed =
      rnnative::layer_norm(queue(info.Env(), x.device), x, gain, bias, eps, training);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("y", wrap(info.Env(), normed.y));
  result.Set("saved", wrap(info.Env(), normed.saved));
  return result;
}

Napi::Value layer_norm_backward(const Info& info) {
  constexpr const char* kOp = "layer_norm_backward";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const Tensor gain = maybe_tensor_arg(info, 1, kOp, "gain");
  const Tensor saved = tensor_arg(info, 2, kOp, "saved");
  const Tensor dy = tensor_arg(info, 3, kOp, "dy");
  const std::vector<Sink> sinks = to_sinks(info[4], info[5], 3, kOp);
  rnnative::layer_norm_backward(queue(info.Env(), x.device), x, gain, saved, dy, sinks[0], sinks[1],
                                sinks[2]);
  return info.Env().Undefined();
}

Napi::Value softmax(const Info& info) {
  constexpr const char* kOp = "softmax";
  const Tensor x = tensor_arg(info, 0, kOp, "x");
  const bool log = bool_arg(info, 1, kOp, "log");
  return wrap(info.Env(), rnnative::softmax(queue(info.Env(), x.device), x, log));
}

Napi::Value softmax_backward(const Info& info) {
  constexpr const char* kOp = "softmax_backward";
  const Tensor y = tensor_arg(info, 0, kOp, "y");
  const Tensor dy = tensor_arg(info, 1, kOp, "dy");
  const bool log = bool_arg(info, 2, kOp, "log");
  const std::vector<Sink> sinks = to_sinks(info[3], info[4], 1, kOp);
  rnnative::softmax_backward(queue(info.Env(), y.device), y, dy, log, sinks[0]);
  return info.Env().Undefined();
}

// The seven arguments that crossEntropy and its gradient share.
CrossEntropyArgs cross_entropy_args(const Info& info, const char* op) {
  CrossEntropyArgs args;
  args.x = tensor_arg(info, 0, op, "x");
  args.weight = maybe_tensor_arg(info, 1, op, "weight");
  args.bias = maybe_tensor_arg(info, 2, op, "bias");
  args.targets = tensor_arg(info, 3, op, "targets");
  args.class_weights = maybe_tensor_arg(info, 4, op, "classWeights");
  args.ignore_index = integer_arg(info, 5, INT64_MIN, INT64_MAX, op, "ignoreIndex");
  args.label_smoothing = number_arg(info, 6, op, "labelSmoothing");
  return args;
}

Napi::Value cross_entropy(const Info& info) {
  constexpr const char* kOp = "cross_entropy";
  CrossEntropyArgs args = cross_entropy_args(info, kOp);
  const bool training = bool_arg(info, 7, kOp, "training");
  args.precision = to_precision(info[8], kOp, "precision");
  const CrossEntropyResult made =
      rnnative::cross_entropy(queue(info.Env(), args.x.device), args, training);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("losses", wrap(info.Env(), made.losses));
  result.Set("weights", wrap(info.Env(), made.weights));
  result.Set("reserve", wrap(info.Env(), made.reserve));
  return result;
}

Napi::Value cross_entropy_backward(const Info& info) {
  constexpr const char* kOp = "cross_entropy_backward";
  CrossEntropyArgs args = cross_entropy_args(info, kOp);
  args.precision = to_precision(info[11], kOp, "precision");
  const Tensor reserve = tensor_arg(info, 7, kOp, "reserve");
  const Tensor dlosses = tensor_arg(info, 8, kOp, "dlosses");
  const std::vector<Sink> sinks = to_sinks(info[9], info[10], 3, kOp);
  rnnative::cross_entropy_backward(queue(info.Env(), args.x.device), args, reserve, dlosses,
                                   sinks[0], sinks[1], sinks[2]);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_layers(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::embedding>(env, exports, "embedding");
  addon::export_function<&addon::embedding_backward>(env, exports, "embeddingBackward");
  addon::export_function<&addon::touched_rows>(env, exports, "touchedRows");
  addon::export_function<&addon::dropout>(env, exports, "dropout");
  addon::export_function<&addon::layer_norm>(env, exports, "layerNorm");
  addon::export_function<&addon::layer_norm_backward>(env, exports, "layerNormBackward");
  addon::export_function<&addon::softmax>(env, exports, "softmax");
  addon::export_function<&addon::softmax_backward>(env, exports, "softmaxBackward");
  addon::export_function<&addon::cross_entropy>(env, exports, "crossEntropy");
  addon::export_function<&addon::cross_entropy_backward>(env, exports, "crossEntropyBackward");
}

}  // namespace rnnative

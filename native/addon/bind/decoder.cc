// decoder and its gradient. Their many tensors come in groups: arrays of a fixed length whose
// entries may be null.
#include "native/ops/recurrent/decoder.h"
#include "native/addon/arguments.h"
#include "native/addon/bind/recurrent_arguments.h"

namespace rnnative::addon {
namespace {

std::vector<Tensor> group(const Info& info, size_t i, size_t count, const char* op,
                          const char* name) {
  std::vector<Tensor> tensors = to_tensors(info[i], op, name, true);
  if (tensors.size() != count) {
    throw Error("ERR_ARGUMENT", "[" + std::string(op) + "] " + name + ": expected " +
                                    std::to_string(count) + " entries, got " +
                                    std::to_string(tensors.size()));
  }
  return tensors;
}

const Tensor& required(const Tensor& tensor, const char* op, const char* name) {
  if (!tensor) {
    throw Error("ERR_ARGUMENT",
                "[" + std::string(op) + "] " + name + ": expected a tensor, got null");
  }
  return tensor;
}

// The first seven arguments of both functions.
DecoderArgs read_decoder(const Info& info, const char* op) {
  DecoderArgs args;
  const Napi::Object options = to_options(info[0], op, "options");
  args.stack = read_recurrent_options(options, op);
  args.score = parse_score(op, to_string(options.Get("score"), op, "score"));
  args.feeding = parse_feeding(op, to_string(options.Get("feeding"), op, "feeding"));
  args.beams = to_integer(options.Get("beams"), 1, INT32_MAX, op, "beams");
  args.x = tensor_arg(info, 1, op, "x");
  args.parameters = read_recurrent_parameters(info[2], args.stack.cell, op);
  const std::vector<Tensor> weights = group(info, 3, 4, op, "weights");
  args.w_query = weights[0];
  args.v = weights[1];
  args.w_out = weights[2];
  args.b_out = weights[3];
  const std::vector<Tensor> memory = group(info, 4, 3, op, "memory");
  args.keys = required(memory[0], op, "keys");
  args.values = required(memory[1], op, "values");
  args.memory_lengths = memory[2];
  args.lengths = maybe_tensor_arg(info, 5, op, "lengths");
  const std::vector<Tensor> state = group(info, 6, 3, op, "state");
  args.h0 = state[0];
  args.c0 = state[1];
  args.fed0 = state[2];
  return args;
}

Napi::Value decoder(const Info& info) {
  const DecoderArgs args = read_decoder(info, "decoder");
  const DecoderResult made = rnnative::decoder(queue(info.Env(), args.x.device), args);
  Napi::Object result = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, const Tensor& tensor) {
    result.Set(name, wrap(info.Env(), tensor));
  };
  set("y", made.y);
  set("context", made.context);
  set("weights", made.weights);
  set("hn", made.hn);
  set("cn", made.cn);
  set("fedn", made.fedn);
  set("reserve", made.reserve);
  return result;
}

Napi::Value decoder_backward(const Info& info) {
  constexpr const char* kOp = "decoder_backward";
  constexpr size_t kOwnSinks = 10;
  const DecoderArgs args = read_decoder(info, kOp);
  const Tensor weights = tensor_arg(info, 7, kOp, "weights");
  const Tensor reserve = tensor_arg(info, 8, kOp, "reserve");
  const std::vector<Tensor> upstream = group(info, 9, 6, kOp, "gradients");
  const size_t layers = args.parameters.size();
  const auto each = static_cast<size_t>(rn_slot_count(args.stack.cell));
  const std::vector<Sink> s = to_sinks(info[10], info[11], kOwnSinks + each * layers, kOp);
  DecoderGradients g = {upstream[0],
                        upstream[1],
                        upstream[2],
                        upstream[3],
                        upstream[4],
                        upstream[5],
                        s[0],
                        s[1],
                        s[2],
                        s[3],
                        s[4],
                        s[5],
                        s[6],
                        s[7],
                        s[8],
                        s[9],
                        recurrent_sinks(s, kOwnSinks, layers, args.stack.cell)};
  rnnative::decoder_backward(queue(info.Env(), args.x.device), args, weights, reserve, g);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_decoder(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::decoder>(env, exports, "decoder");
  addon::export_function<&addon::decoder_backward>(env, exports, "decoderBackward");
}

}  // namespace rnnative

// embedTrain.
#include "native/ops/embed_train.h"
#include "native/addon/arguments.h"

namespace rnnative::addon {
namespace {

constexpr int64_t kWidestWindow = int64_t{1} << 30;

Napi::Value embed_train(const Info& info) {
  constexpr const char* kOp = "embed_train";
  const Napi::Object options = to_options(info[0], kOp, "options");
  const auto whole = [&](const char* name, int64_t low, int64_t high) {
    return static_cast<int32_t>(to_integer(options.Get(name), low, high, kOp, name));
  };
  EmbedTrainArgs args;
  args.model =
      to_choice(options.Get("model"), {"skipgram", "cbow", "document", "documentContext", "labels"},
                kOp, "model");
  args.loss = to_choice(options.Get("loss"), {"negative", "hierarchical", "softmax"}, kOp, "loss");
  args.window = whole("window", 1, kWidestWindow);
  args.negative = whole("negative", 0, RN_EMBED_MOST);
  args.frozen = whole("frozen", 0, 3);
  args.threads = whole("threads", 1, 1024);
  args.classes = whole("classes", 1, 1024);
  args.shrink = to_bool(options.Get("shrink"), kOp, "shrink");
  args.alike = to_bool(options.Get("alike"), kOp, "alike");
  args.lr_begin = to_number(options.Get("lrBegin"), kOp, "lrBegin");
  args.lr_end = to_number(options.Get("lrEnd"), kOp, "lrEnd");
  args.random = to_random(options.Get("random"), kOp, "random");
  args.table = tensor_arg(info, 1, kOp, "table");
  args.output = tensor_arg(info, 2, kOp, "output");
  args.documents = maybe_tensor_arg(info, 3, kOp, "documents");
  args.tokens = tensor_arg(info, 4, kOp, "tokens");
  args.starts = tensor_arg(info, 5, kOp, "starts");
  args.labels = maybe_tensor_arg(info, 6, kOp, "labels");
  const std::vector<Tensor> lists = to_tensors(info[7], kOp, "lists", true);
  if (lists.size() != 6) {
    throw Error("ERR_ARGUMENT",
                "[embed_train] lists: expected 6 entries, got " + std::to_string(lists.size()));
  }
  args.part_starts = lists[0];
  args.parts = lists[1];
  args.keep = lists[2];
  args.choices = lists[3];
  args.path_starts = lists[4];
  args.paths = lists[5];
  return wrap(info.Env(), rnnative::embed_train(queue(info.Env(), args.table.device), args));
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_embed_train(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::embed_train>(env, exports, "embedTrain");
}

}  // namespace rnnative

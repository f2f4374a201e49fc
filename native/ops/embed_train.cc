#include "native/ops/embed_train.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <string>

#include "native/ops/check.h"

namespace rnnative {

namespace {

constexpr int64_t kMostTokens = int64_t{1} << 30;

bool of_documents(int32_t model) {
  return model == RN_EMBED_DOCUMENT || model == RN_EMBED_DOCUMENT_CONTEXT;
}

int64_t check_rows(const Checker& check, const char* name, const Tensor& t) {
  check.real(name, t);
  const bool fits = t.shape.dims() == 2 && t.shape[1] > 0 && t.shape[1] % RN_EMBED_UNIT == 0;
  if (!fits) {
    check.fail("ERR_SHAPE", std::string(name) + ": expected rows of a multiple of " +
                                std::to_string(RN_EMBED_UNIT) + " numbers, got " +
                                t.shape.to_string());
  }
  return t.shape[0];
}

void check_list(const Checker& check, const char* name, const Tensor& t, int64_t least) {
  check.ints(name, t);
  if (t.shape.dims() != 1 || t.shape[0] < least || t.shape[0] > kMostTokens) {
    check.fail("ERR_SHAPE", std::string(name) + ": expected a list, got " + t.shape.to_string());
  }
}

void absent(const Checker& check, const char* name, const Tensor& t) {
  if (t) check.fail("ERR_ARGUMENT", std::string(name) + ": expected null with this model or loss");
}

void check_tensors(const Checker& check, const EmbedTrainArgs& a, RnEmbedTrain* sizes) {
  const int64_t rows = check_rows(check, "table", a.table);
  sizes->features = a.table.shape[1];
  sizes->out_rows = check_rows(check, "output", a.output);
  check.real("output", a.output, Shape{sizes->out_rows, sizes->features});
  check_list(check, "tokens", a.tokens, 0);
  check_list(check, "starts", a.starts, 1);
  sizes->count = a.tokens.shape[0];
  sizes->sentences = a.starts.shape[0] - 1;
  sizes->words = rows;
  if (of_documents(a.model)) {
    check_rows(check, "documents", a.documents);
    check.real("documents", a.documents, Shape{a.documents.shape[0], sizes->features});
  } else {
    absent(check, "documents", a.documents);
  }
  if (of_documents(a.model) || a.model == RN_EMBED_LABELS) {
    check.ints("labels", a.labels, Shape{sizes->sentences});
  } else {
    absent(check, "labels", a.labels);
  }
  if (a.model == RN_EMBED_LABELS) {
    absent(check, "partStarts", a.part_starts);
    absent(check, "keep", a.keep);
  } else if (a.part_starts) {
    check_list(check, "partStarts", a.part_starts, 1);
    check_list(check, "parts", a.parts, 0);
    sizes->words = a.part_starts.shape[0] - 1;
  }
  if (!a.part_starts) absent(check, "parts", a.parts);
  if (a.keep) check.ints("keep", a.keep, Shape{sizes->words});
  sizes->targets = sizes->out_rows;
  if (a.loss == RN_EMBED_NEGATIVE) {
    check.ints("choices", a.choices, Shape{sizes->out_rows, 2});
  } else {
    absent(check, "choices", a.choices);
  }
  if (a.loss == RN_EMBED_HIERARCHICAL) {
    check_list(check, "pathStarts", a.path_starts, 1);
    check_list(check, "paths", a.paths, 0);
    sizes->targets = a.path_starts.shape[0] - 1;
  } else {
    absent(check, "pathStarts", a.path_starts);
    absent(check, "paths", a.paths);
  }
  if (sizes->out_rows < 1) check.fail("ERR_SHAPE", "output: expected at least one row");
}

// Integers are looked at when the op runs, once for every backend.
class Values {
 public:
  explicit Values(RnContext* context) : context_(context) {}

  bool within(const char* what, const int32_t* values, int64_t n, int64_t below, int step = 1) {
    for (int64_t i = 0; i < n; i += step) {
      if (values[i] >= 0 && values[i] < below) continue;
      return refuse(what, i, values[i], below - 1);
    }
    return true;
  }
  // Where lists begin in a list of `end` entries, none longer than `most`.
  bool lists(const char* what, const int32_t* starts, int64_t n, int64_t end, int64_t most) {
    for (int64_t i = 0; i <= n; ++i) {
      const int64_t low = i > 0 ? starts[i - 1] : 0, high = std::min(end, low + most);
      if (starts[i] >= low && starts[i] <= (i > 0 ? high : end)) continue;
      return refuse(what, i, starts[i], high);
    }
    return true;
  }

 private:
  bool refuse(const char* what, int64_t at, int32_t value, int64_t last) {
    std::snprintf(context_->error, sizeof context_->error,
                  "%s %d at position %lld: expected at most %lld", what, value,
                  static_cast<long long>(at), static_cast<long long>(last));
    return false;
  }
  RnContext* context_;
};

bool check_values(RnContext* context, const RnEmbedTrain& a, const EmbedTrainArgs& given) {
  Values values(context);
  const int64_t predicted = a.model == RN_EMBED_LABELS ? a.words : std::min(a.words, a.targets);
  if (!values.lists("start", a.starts, a.sentences, a.count, kMostTokens)) return false;
  if (!values.within("token", a.tokens, a.count, predicted)) return false;
  const int64_t labels = of_documents(a.model) ? given.documents.shape[0] : a.targets;
  if (a.labels && !values.within("label", a.labels, a.sentences, labels)) return false;
  if (a.choices && !values.within("choice", a.choices + 1, 2 * a.targets - 1, a.targets, 2))
    return false;
  // Of words that occur alone: there may be a million others.
  if (a.part_starts) {
    const int64_t all = given.parts.shape[0];
    if (!values.lists("part start", a.part_starts, a.words, all, kMostTokens)) return false;
    for (int64_t i = 0; i < a.count; ++i) {
      const int32_t* at = a.part_starts + a.tokens[i];
      if (!values.within("part", a.parts + at[0], at[1] - at[0], given.table.shape[0]))
        return false;
    }
  }
  if (a.path_starts) {
    const int64_t all = given.paths.shape[0];
    if (!values.lists("path start", a.path_starts, a.targets, all, RN_EMBED_MOST)) return false;
    if (!values.within("path", a.paths, all, 2 * a.out_rows)) return false;
  }
  return true;
}

}  // namespace

Tensor embed_train(Queue& queue, const EmbedTrainArgs& args) {
  const Checker check("embed_train", args.table.device);
  if (args.table.device == Device::kCuda)
    check.fail("ERR_DEVICE", "table: expected a tensor of the cpu, where vectors are trained");
  constexpr double kMost = std::numeric_limits<float>::max();
  check.in_range("lrBegin", args.lr_begin, 0, kMost, true);
  check.in_range("lrEnd", args.lr_end, 0, kMost, true);
  RnEmbedTrain sizes = {};
  check_tensors(check, args, &sizes);
  if (args.classes > sizes.targets) {
    check.fail("ERR_ARGUMENT", "classes: expected at most the " + std::to_string(sizes.targets) +
                                   " targets, got " + std::to_string(args.classes));
  }
  const Tensor losses = check.make(Shape{2});
  Op op("embed_train", args.table.device);
  for (const Tensor* t : {&args.tokens, &args.starts, &args.labels, &args.part_starts, &args.parts,
                          &args.keep, &args.choices, &args.path_starts, &args.paths})
    op.reads(*t);
  op.updates(args.table).updates(args.output).updates(args.documents).writes(losses);
  queue.submit(std::move(op), [=](OpRun& run) -> int32_t {
    const auto ints = [&](const Tensor& t) { return static_cast<const int32_t*>(run.data(t)); };
    RnEmbedTrain a = sizes;
    a.model = args.model;
    a.loss = args.loss;
    a.window = args.window;
    a.shrink = args.shrink;
    a.negative = args.negative;
    a.frozen = args.frozen;
    a.alike = args.alike;
    a.threads = args.threads;
    a.classes = args.classes;
    a.table = run.data(args.table);
    a.documents = run.data(args.documents);
    a.output = run.data(args.output);
    a.tokens = ints(args.tokens);
    a.starts = ints(args.starts);
    a.labels = ints(args.labels);
    a.part_starts = ints(args.part_starts);
    a.parts = ints(args.parts);
    a.keep = ints(args.keep);
    a.choices = ints(args.choices);
    a.path_starts = ints(args.path_starts);
    a.paths = ints(args.paths);
    a.lr_begin = args.lr_begin;
    a.lr_end = args.lr_end;
    a.random = args.random;
    a.losses = run.data(losses);
    if (!check_values(run.context(), a, args)) return RN_ERR_INDEX;
    for (int64_t s = 0; s < a.sentences; ++s)
      a.longest = std::max<int64_t>(a.longest, a.starts[s + 1] - a.starts[s]);
    return run.backend().embed_train(run.context(), &a);
  });
  return losses;
}

}  // namespace rnnative

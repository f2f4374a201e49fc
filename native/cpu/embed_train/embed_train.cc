// Walks over sentences; what is done at each word is Learner's. Threads take blocks of a thousand
// tokens as they come, a few milliseconds each, so that none waits long for another at the end.
#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"
#include "native/cpu/embed_train/learner.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// The first sentence that begins at a token or after it.
int64_t sentence_from(const RnEmbedTrain& args, int64_t token) {
  int64_t low = 0, high = args.sentences;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (args.starts[middle] < token)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// The words of a sentence that are kept.
int64_t take_words(Learner& learner, int64_t sentence) {
  const RnEmbedTrain& args = learner.args;
  int64_t n = 0;
  for (int64_t i = args.starts[sentence]; i < args.starts[sentence + 1]; ++i) {
    const int32_t word = args.tokens[i];
    if (args.keep && (int32_t)learner.draw() > args.keep[word]) continue;
    learner.ids[n++] = word;
  }
  return n;
}

struct Window {
  int64_t begin, end;
};
Window window_at(Learner& learner, int64_t i, int64_t n) {
  const RnEmbedTrain& args = learner.args;
  int64_t reach = args.window;
  if (args.shrink) reach = 1 + (int64_t)(((uint64_t)learner.draw() * (uint64_t)reach) >> 31);
  return {i - reach > 0 ? i - reach : 0, least(i + reach + 1, n)};
}

// One vector predicts many words: their rows are chosen one word ahead, and arrive meanwhile.
template <class Each>
void predict_each(Learner& learner, const Each& each_target) {
  if (learner.args.loss == RN_EMBED_SOFTMAX) {
    each_target([&](int32_t target) {
      learner.softmax(target);
      learner.absorb();
    });
    return;
  }
  Prediction given[2];
  int next = 0;
  bool waiting = false;
  const auto meet = [&](const Prediction& one) {
    learner.meet(one);
    learner.absorb();
  };
  each_target([&](int32_t target) {
    learner.choose(target, &given[next]);
    if (waiting) meet(given[1 - next]);
    waiting = true;
    next = 1 - next;
  });
  if (waiting) meet(given[1 - next]);
}

void skipgram(Learner& learner, int64_t n) {
  const RnEmbedTrain& args = learner.args;
  const bool learns = !(args.frozen & RN_EMBED_FROZEN_TABLE);
  for (int64_t i = 0; i < n; ++i) {
    const int32_t word = learner.ids[i];
    const Window window = window_at(learner, i, n);
    if (learner.take_mean([&](const auto& body) { learner.each_part(word, body); }) == 0) continue;
    learner.clear(learner.moved);
    predict_each(learner, [&](const auto& target) {
      for (int64_t j = window.begin; j < window.end; ++j)
        if (j != i) target(learner.ids[j]);
    });
    if (learns)
      learner.each_part(word, [&](float* row) { add_row(row, learner.moved, args.features); });
  }
}

// `document`: its row, or NULL.
void continuous_bag(Learner& learner, int64_t n, float* document) {
  const RnEmbedTrain& args = learner.args;
  const bool learns = !(args.frozen & RN_EMBED_FROZEN_TABLE);
  for (int64_t i = 0; i < n; ++i) {
    const Window window = window_at(learner, i, n);
    const auto each_word = [&](const auto& body) {
      for (int64_t j = window.begin; j < window.end; ++j)
        if (j != i) learner.each_part(learner.ids[j], body);
    };
    const int64_t rows = learner.take_mean([&](const auto& body) {
      if (document) body(document);
      each_word(body);
    });
    if (rows == 0) continue;
    learner.predict(learner.ids[i]);
    if (document) add_row(document, learner.error, args.features);
    if (learns) each_word([&](float* row) { add_row(row, learner.error, args.features); });
    learner.clear(learner.error);
  }
}

void document_words(Learner& learner, int64_t n, float* document) {
  memcpy(learner.vector, document, (size_t)learner.args.features * sizeof(float));
  learner.clear(learner.moved);
  predict_each(learner, [&](const auto& target) {
    for (int64_t i = 0; i < n; ++i) target(learner.ids[i]);
  });
  add_row(document, learner.moved, learner.args.features);
}

void label(Learner& learner, int64_t sentence) {
  const RnEmbedTrain& args = learner.args;
  const auto each_row = [&](const auto& body) {
    for (int64_t i = args.starts[sentence]; i < args.starts[sentence + 1]; ++i)
      body(learner.row(args.tokens[i]));
  };
  const int64_t n = learner.take_mean(each_row);
  if (n == 0) return;
  learner.predict(args.labels[sentence]);
  // The gradient of a mean is shared: fastText divides here, and here alone.
  const vf share = splat(1 / (float)n);
  for (int64_t i = 0; i < args.features; i += kLanes)
    store(learner.error + i, share * load(learner.error + i));
  if (!(args.frozen & RN_EMBED_FROZEN_TABLE))
    each_row([&](float* row) { add_row(row, learner.error, args.features); });
  learner.clear(learner.error);
}

void learn(Learner& learner, int64_t sentence) {
  const RnEmbedTrain& args = learner.args;
  if (args.alike) learner.begin_draws(0);
  if (args.model == RN_EMBED_LABELS) return label(learner, sentence);
  const int64_t n = take_words(learner, sentence);
  float* document = args.labels ? (float*)args.documents + args.labels[sentence] * args.features
                                : (float*)nullptr;
  if (args.model == RN_EMBED_SKIPGRAM)
    skipgram(learner, n);
  else if (args.model == RN_EMBED_DOCUMENT)
    document_words(learner, n, document);
  else
    continuous_bag(learner, n, document);
}

}  // namespace

int32_t embed_train(RnContext* ctx, const RnEmbedTrain* given) {
  const RnEmbedTrain& args = *given;
  const int64_t features = args.features;
  const int64_t scores = args.loss == RN_EMBED_SOFTMAX ? round_up(args.out_rows, 16) : 0;
  const int64_t each = round_up(3 * features + scores + args.longest, 16);
  float* memory = scratch_floats(ctx, each * ctx->threads);
  double* totals = (double*)scratch_floats(ctx, 2 * 16 * ctx->threads);
  if (!memory || !totals) return RN_ERR_OUT_OF_MEMORY;
  memset(totals, 0, (size_t)ctx->threads * 16 * sizeof(double));
  const int64_t blocks = (args.count + RN_EMBED_BLOCK - 1) / RN_EMBED_BLOCK;
  int64_t next = 0;
  parallel_team(ctx, [&](int thread, int threads) {
    if (thread >= args.threads) return;
    float* own = memory + each * thread;
    memset(own, 0, (size_t)each * sizeof(float));
    Learner learner = {args,
                       own,
                       own + features,
                       own + 2 * features,
                       own + 3 * features,
                       (int32_t*)(own + 3 * features + scores)};
    if (args.classes > 1 && !args.alike && least(threads, args.threads) > 1) {
      const auto classes = (uint64_t)args.classes;
      learner.negatives =
          rn_embed_class(&args, ((uint64_t)thread + args.random.step) % classes, classes);
    }
    for (;;) {
      const int64_t block = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
      if (block >= blocks) break;
      const double done = (double)(block * RN_EMBED_BLOCK) / (double)args.count;
      learner.rate = (float)(args.lr_begin + (args.lr_end - args.lr_begin) * done);
      learner.begin_draws(block);
      const int64_t last = sentence_from(args, (block + 1) * RN_EMBED_BLOCK);
      for (int64_t s = sentence_from(args, block * RN_EMBED_BLOCK); s < last; ++s)
        learn(learner, s);
    }
    totals[16 * thread] = learner.nats - ::log((double)learner.chance);
    totals[16 * thread + 1] = (double)learner.predictions;
  });
  double nats = 0, predictions = 0;
  for (int i = 0; i < ctx->threads; ++i) {
    nats += totals[16 * i];
    predictions += totals[16 * i + 1];
  }
  ((float*)args.losses)[0] = predictions > 0 ? (float)(nats / predictions) : 0;
  ((float*)args.losses)[1] = (float)predictions;
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

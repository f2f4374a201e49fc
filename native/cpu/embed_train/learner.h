// What one thread holds while it learns: the vector that predicts, its error, and the rows of what
// is predicted now. A prediction changes the vector itself by its error, so that those after it
// from the same words see what rows would hold by then, and the rows are moved once, by the sum:
// the mean of n rows that each move by e moves by e.
#ifndef RNNATIVE_CPU_EMBED_TRAIN_LEARNER_H_
#define RNNATIVE_CPU_EMBED_TRAIN_LEARNER_H_

#include <math.h>

#include "native/cpu/embed_train/rows.h"
#include "native/runtime/philox.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Rows to be met by the vector, and what is to be said of each.
struct Prediction {
  float* rows[RN_EMBED_MOST + 1];
  float labels[RN_EMBED_MOST + 1];
  int count;
};

struct Learner {
  const RnEmbedTrain& args;
  float* vector;  // [features]
  float* error;   // [features], zero between predictions
  float* moved;   // [features], sum of errors
  float* scores;  // of RN_EMBED_SOFTMAX: [out_rows]
  int32_t* ids;   // [longest]
  float rate = 0;
  uint64_t state = 0;
  double nats = 0;
  float chance = 1;  // of all since `nats` was added to
  int64_t predictions = 0;
  RnEmbedClass negatives = rn_embed_class(&args, 0, 1);

  float* output(int64_t row) const { return (float*)args.output + row * args.features; }
  float* row(int64_t row) const { return (float*)args.table + row * args.features; }

  void begin_draws(int64_t block) {
    uint32_t words[4];
    rn_random_block(&args.random, 0, 0, (uint64_t)block, words);
    state = (uint64_t)words[0] << 32 | words[1];
  }
  uint32_t draw() { return rn_embed_draw(&state); }

  void add_chance(float p) {
    chance *= p > 1e-7f ? p : 1e-7f;
    if (chance > 1e-20f) return;
    nats -= ::log((double)chance);
    chance = 1;
  }

  // What a prediction of `target` meets; the rows are on their way when it returns.
  void choose(int32_t target, Prediction* to) {
    int n = 0;
    if (args.loss == RN_EMBED_HIERARCHICAL) {
      for (int32_t i = args.path_starts[target]; i < args.path_starts[target + 1]; ++i, ++n) {
        to->rows[n] = output(args.paths[i] >> 1);
        to->labels[n] = (float)(args.paths[i] & 1);
      }
    } else {
      to->rows[n] = output(target);
      to->labels[n++] = 1;
      for (int k = 0; k < args.negative; ++k) {
        const int32_t other = rn_embed_choose(&args, &negatives, &state);
        if (other == target) continue;
        to->rows[n] = output(other);
        to->labels[n++] = 0;
      }
    }
    to->count = n;
    for (int k = 0; k < n; ++k) prefetch_row(to->rows[k], args.features);
  }

  // All scores are taken before a row moves: one may be there twice.
  template <bool kLearns>
  void meet(const Prediction& given) {
    float p[RN_EMBED_MOST + 1 + 16];
    each_side(given.count, [&]<int kRows>(int64_t k) {
      dot_rows<kRows>(vector, given.rows + k, args.features, p + k);
    });
    for (int i = given.count; i < given.count + 15; ++i) p[i] = 0;
    sigmoids(p, given.count);
    for (int i = 0; i < given.count; ++i) {
      const float off = given.labels[i] - p[i];
      add_chance(1 - fabsf(off));
      p[i] = rate * off;
    }
    each_side(given.count, [&]<int kRows>(int64_t k) {
      move_rows<kRows, kLearns>(vector, error, given.rows + k, p + k, args.features);
    });
    ++predictions;
  }
  void meet(const Prediction& given) {
    if (args.frozen & RN_EMBED_FROZEN_OUTPUT)
      meet<false>(given);
    else
      meet<true>(given);
  }

  // All targets at once.
  void softmax(int32_t target) {
    const int64_t features = args.features, n = args.out_rows;
    const auto rows_at = [&]<int kRows>(int64_t k, float** rows) {
      for (int i = 0; i < kRows; ++i) rows[i] = output(k + i);
    };
    float most = -__builtin_inff();
    each_side(n, [&]<int kRows>(int64_t k) {
      float* rows[kRows];
      rows_at.template operator()<kRows>(k, rows);
      dot_rows<kRows>(vector, rows, features, scores + k);
      for (int i = 0; i < kRows; ++i) most = scores[k + i] > most ? scores[k + i] : most;
    });
    float total = 0;
    for (int64_t k = 0; k < n; ++k) total += scores[k] = expf(scores[k] - most);
    add_chance(scores[target] / total);
    for (int64_t k = 0; k < n; ++k)
      scores[k] = rate * ((k == target ? 1.0f : 0.0f) - scores[k] / total);
    const bool learns = !(args.frozen & RN_EMBED_FROZEN_OUTPUT);
    each_side(n, [&]<int kRows>(int64_t k) {
      float* rows[kRows];
      rows_at.template operator()<kRows>(k, rows);
      if (learns)
        move_rows<kRows, true>(vector, error, rows, scores + k, features);
      else
        move_rows<kRows, false>(vector, error, rows, scores + k, features);
    });
    ++predictions;
  }

  void predict(int32_t target) {
    if (args.loss == RN_EMBED_SOFTMAX) return softmax(target);
    Prediction given;
    choose(target, &given);
    meet(given);
  }

  // The vector becomes what the rows would be by now.
  void absorb() {
    for (int64_t i = 0; i < args.features; i += kLanes) {
      const vf by = load(error + i);
      store(vector + i, load(vector + i) + by);
      store(moved + i, load(moved + i) + by);
      store(error + i, zero());
    }
  }

  // body(row) for the rows of a word.
  template <class Body>
  RN_INLINE void each_part(int32_t word, const Body& body) const {
    if (!args.part_starts) return body(row(word));
    for (int32_t i = args.part_starts[word]; i < args.part_starts[word + 1]; ++i)
      body(row(args.parts[i]));
  }

  // The vector becomes the mean of rows, which each_row(body) goes through; how many there are.
  template <class Each>
  RN_INLINE int64_t take_mean(const Each& each_row) {
    const int64_t features = args.features;
    int64_t n = 0;
    each_row([&](const float* from) {
      if (n++ == 0)
        memcpy(vector, from, (size_t)features * sizeof(float));
      else
        add_row(vector, from, features);
    });
    if (n > 1) {
      const vf by = splat(1 / (float)n);
      for (int64_t i = 0; i < features; i += kLanes) store(vector + i, by * load(vector + i));
    }
    return n;
  }

  void clear(float* x) const { memset(x, 0, (size_t)args.features * sizeof(float)); }
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_EMBED_TRAIN_LEARNER_H_

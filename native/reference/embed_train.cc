// The definition, one thing after another: every prediction reads and moves the rows themselves.
#include <cmath>
#include <vector>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

struct Trainer {
  const RnEmbedTrain& args;
  RnEmbedClass all = rn_embed_class(&args, 0, 1);
  double rate = 0;
  uint64_t state = 0;
  double nats = 0;
  int64_t predictions = 0;

  double* row_of(void* table, int64_t row) const { return real(table) + row * args.features; }

  void begin_draws(int64_t block) {
    uint32_t words[4];
    rn_random_block(&args.random, 0, 0, static_cast<uint64_t>(block), words);
    state = static_cast<uint64_t>(words[0]) << 32 | words[1];
  }

  double dot(const std::vector<double>& x, const double* row) const {
    double sum = 0;
    for (int64_t i = 0; i < args.features; ++i) sum += x[static_cast<size_t>(i)] * row[i];
    return sum;
  }

  // One row says `step` too little.
  void move(const std::vector<double>& x, double* row, double step, std::vector<double>& error) {
    for (int64_t i = 0; i < args.features; ++i) {
      const size_t at = static_cast<size_t>(i);
      error[at] += step * row[i];
      if (!(args.frozen & RN_EMBED_FROZEN_OUTPUT)) row[i] += step * x[at];
    }
  }

  struct Asked {
    int64_t row;
    double label;
  };
  std::vector<Asked> choose(int32_t target) {
    std::vector<Asked> asked;
    if (args.loss == RN_EMBED_HIERARCHICAL) {
      for (int32_t i = args.path_starts[target]; i < args.path_starts[target + 1]; ++i)
        asked.push_back({args.paths[i] >> 1, static_cast<double>(args.paths[i] & 1)});
      return asked;
    }
    asked.push_back({target, 1});
    for (int k = 0; k < args.negative; ++k) {
      const int32_t other = rn_embed_choose(&args, &all, &state);
      if (other != target) asked.push_back({other, 0});
    }
    return asked;
  }

  // The error of x as it predicts what was chosen; all scores are taken before a row moves.
  std::vector<double> meet(const std::vector<double>& x, const std::vector<Asked>& asked) {
    std::vector<double> error(x.size()), steps;
    for (const Asked& one : asked) {
      const double p = 1 / (1 + std::exp(-dot(x, row_of(args.output, one.row))));
      nats -= std::log(std::max(1e-7, 1 - std::abs(one.label - p)));
      steps.push_back(rate * (one.label - p));
    }
    for (size_t k = 0; k < asked.size(); ++k)
      move(x, row_of(args.output, asked[k].row), steps[k], error);
    ++predictions;
    return error;
  }

  std::vector<double> softmax(const std::vector<double>& x, int32_t target) {
    std::vector<double> error(x.size()), scores;
    double most = -INFINITY, total = 0;
    for (int64_t k = 0; k < args.out_rows; ++k) {
      scores.push_back(dot(x, row_of(args.output, k)));
      most = std::max(most, scores.back());
    }
    for (double& score : scores) total += score = std::exp(score - most);
    nats -= std::log(std::max(1e-7, scores[static_cast<size_t>(target)] / total));
    for (int64_t k = 0; k < args.out_rows; ++k) {
      const double label = k == target ? 1 : 0;
      move(x, row_of(args.output, k), rate * (label - scores[static_cast<size_t>(k)] / total),
           error);
    }
    ++predictions;
    return error;
  }

  std::vector<double> mean(const std::vector<double*>& rows) const {
    std::vector<double> x(static_cast<size_t>(args.features));
    for (const double* row : rows)
      for (size_t i = 0; i < x.size(); ++i) x[i] += row[i] / static_cast<double>(rows.size());
    return x;
  }

  void add(const std::vector<double*>& rows, const std::vector<double>& error, double by) const {
    for (double* row : rows)
      for (size_t i = 0; i < error.size(); ++i) row[i] += by * error[i];
  }

  void add_parts(int32_t word, std::vector<double*>& rows) const {
    if (!args.part_starts) return rows.push_back(row_of(args.table, word));
    for (int32_t i = args.part_starts[word]; i < args.part_starts[word + 1]; ++i)
      rows.push_back(row_of(args.table, args.parts[i]));
  }

  // Rows predict targets one after another, and all are moved by each. What is chosen for one is
  // drawn before the one before it is met, as a fast backend does to have its rows at hand; draws
  // depend on nothing that moves.
  void predict(const std::vector<double*>& rows, const std::vector<int32_t>& targets, bool learns) {
    std::vector<double> x = mean(rows);
    for (int32_t target : targets) {
      const std::vector<double> error =
          args.loss == RN_EMBED_SOFTMAX ? softmax(x, target) : meet(x, choose(target));
      if (learns) add(rows, error, 1);
      for (size_t i = 0; i < x.size(); ++i) x[i] += error[i];
    }
  }

  void walk(const std::vector<int32_t>& ids, double* document) {
    const int64_t n = static_cast<int64_t>(ids.size());
    const bool learns = !(args.frozen & RN_EMBED_FROZEN_TABLE);
    if (args.model == RN_EMBED_DOCUMENT) return predict({document}, ids, true);
    for (int64_t i = 0; i < n; ++i) {
      int64_t reach = args.window;
      if (args.shrink)
        reach = 1 + static_cast<int64_t>(
                        (uint64_t{rn_embed_draw(&state)} * static_cast<uint64_t>(reach)) >> 31);
      std::vector<int32_t> near;
      for (int64_t j = std::max<int64_t>(0, i - reach); j < std::min(n, i + reach + 1); ++j)
        if (j != i) near.push_back(ids[static_cast<size_t>(j)]);
      const int32_t word = ids[static_cast<size_t>(i)];
      std::vector<double*> rows;
      if (args.model == RN_EMBED_SKIPGRAM) {
        add_parts(word, rows);
        if (!rows.empty()) predict(rows, near, learns);
        continue;
      }
      for (int32_t other : near) add_parts(other, rows);
      std::vector<double*> all = rows;
      if (document) all.insert(all.begin(), document);
      if (all.empty()) continue;
      const std::vector<double> x = mean(all);
      const std::vector<double> error =
          args.loss == RN_EMBED_SOFTMAX ? softmax(x, word) : meet(x, choose(word));
      if (document) add({document}, error, 1);
      if (learns) add(rows, error, 1);
    }
  }

  void learn(int64_t s) {
    if (args.alike) begin_draws(0);
    std::vector<int32_t> ids;
    for (int32_t i = args.starts[s]; i < args.starts[s + 1]; ++i) {
      const int32_t word = args.tokens[i];
      const bool drawn = args.model != RN_EMBED_LABELS && args.keep != nullptr;
      if (drawn && static_cast<int32_t>(rn_embed_draw(&state)) > args.keep[word]) continue;
      ids.push_back(word);
    }
    if (args.model != RN_EMBED_LABELS)
      return walk(ids, args.labels ? row_of(args.documents, args.labels[s]) : nullptr);
    std::vector<double*> rows;
    for (int32_t id : ids) rows.push_back(row_of(args.table, id));
    if (rows.empty()) return;
    const std::vector<double> x = mean(rows);
    const std::vector<double> error = args.loss == RN_EMBED_SOFTMAX
                                          ? softmax(x, args.labels[s])
                                          : meet(x, choose(args.labels[s]));
    if (!(args.frozen & RN_EMBED_FROZEN_TABLE))
      add(rows, error, 1 / static_cast<double>(rows.size()));
  }
};

}  // namespace

int32_t embed_train(RnContext* context, const RnEmbedTrain* args) {
  return guarded(context, [&] {
    Trainer trainer{*args};
    for (int64_t s = 0, block = -1; s < args->sentences; ++s) {
      if (args->starts[s] / RN_EMBED_BLOCK != block) {
        block = args->starts[s] / RN_EMBED_BLOCK;
        const double done =
            static_cast<double>(block * RN_EMBED_BLOCK) / static_cast<double>(args->count);
        trainer.rate = args->lr_begin + (args->lr_end - args->lr_begin) * done;
        trainer.begin_draws(block);
      }
      trainer.learn(s);
    }
    const double count = static_cast<double>(trainer.predictions);
    real(args->losses)[0] = count > 0 ? trainer.nats / count : 0;
    real(args->losses)[1] = count;
  });
}

}  // namespace rnnative::reference

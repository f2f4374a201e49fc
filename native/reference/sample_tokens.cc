// Tokens drawn from the softmax of logits, those that a draw may choose sorted.
#include <cmath>
#include <vector>

#include "native/abi/backend.h"
#include "native/reference/log_sum_exp.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

// The likeliest token, the lowest of equals; -1 if there is a NaN or no finite maximum.
int32_t likeliest(const double* scores, int64_t vocabulary) {
  int64_t best = 0;
  for (int64_t w = 0; w < vocabulary; ++w) {
    if (std::isnan(scores[w])) return -1;
    if (scores[w] > scores[best]) best = w;
  }
  return std::isfinite(scores[best]) ? static_cast<int32_t>(best) : -1;
}

// Zeros the weights of what top-k, then top-p leave out.
void cut(const RnSampleTokens& args, const double* scores, double* weights,
         std::vector<int32_t>* order) {
  order->clear();
  for (int64_t w = 0; w < args.vocabulary; ++w) order->push_back(static_cast<int32_t>(w));
  std::stable_sort(order->begin(), order->end(),
                   [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
  double total = 0;
  for (int64_t i = 0; i < args.top_k; ++i) total += weights[(*order)[static_cast<size_t>(i)]];
  double missing = args.top_p * total;
  for (int64_t i = 0; i < args.vocabulary; ++i) {
    double& weight = weights[(*order)[static_cast<size_t>(i)]];
    const bool kept = i < args.top_k && (args.top_p == 1 || missing > 0);
    missing -= weight;
    if (!kept) weight = 0;
  }
}

int32_t draw(const double* weights, int64_t vocabulary, const uint32_t* words) {
  const uint64_t bits = static_cast<uint64_t>(words[0]) << 21 | words[1] >> 11;
  double total = 0;
  for (int64_t w = 0; w < vocabulary; ++w) total += weights[w];
  double rest = static_cast<double>(bits) * 0x1p-53 * total;
  int64_t last = 0;
  for (int64_t w = 0; w < vocabulary; ++w) {
    if (weights[w] > 0) last = w;
    rest -= weights[w];
    if (rest < 0) break;
  }
  return static_cast<int32_t>(last);
}

}  // namespace

int32_t sample_tokens(RnContext* context, const RnSampleTokens* args) {
  const int64_t rows = args->rows, V = args->vocabulary;
  if (args->given != nullptr)
    if (int32_t status = check_indices(context, "given token", args->given, rows, V - 1, -1))
      return status;
  if (int32_t status = check_penalties(context, args->penalties, rows, V)) return status;
  int64_t bad = -1;
  const int32_t status = guarded(context, [&] {
    double* scores = scratch(context, rows * V);
    double* weights = scratch(context, V);
    std::vector<int32_t> order;
    std::copy_n(real(args->logits), rows * V, scores);
    penalise(args->penalties, V, scores);
    for (int64_t r = 0; r < rows; ++r) {
      const double *logits = real(args->logits) + r * V, *own = scores + r * V;
      int32_t token = args->given == nullptr ? -1 : args->given[r];
      if (token < 0) {
        const int32_t best = likeliest(logits, V) < 0 ? -1 : likeliest(own, V);
        if (best < 0) {
          bad = r;
          return;
        }
        token = best;
        if (args->temperature > 0) {
          for (int64_t w = 0; w < V; ++w)
            weights[w] = std::exp((own[w] - own[best]) / args->temperature);
          cut(*args, own, weights, &order);
          token = draw(weights, V, args->words + 2 * r);
        }
      }
      args->tokens[r] = token;
      real(args->log_probabilities)[r] = logits[token] - log_sum_exp(logits, V);
    }
  });
  return status == RN_OK ? check_choice(context, bad) : status;
}

}  // namespace rnnative::reference

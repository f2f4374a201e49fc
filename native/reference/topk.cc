// The best continuations of beams: all of them, sorted.
#include <cmath>
#include <limits>
#include <vector>

#include "native/abi/backend.h"
#include "native/reference/log_sum_exp.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t topk(RnContext* context, const RnTopk* args) {
  const int64_t rows = args->groups * args->beams, V = args->vocabulary, all = args->beams * V;
  if (int32_t status = check_penalties(context, args->penalties, rows, V)) return status;
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  int64_t bad = -1;
  const int32_t status = guarded(context, [&] {
    double* scores = scratch(context, rows * V);
    for (int64_t r = 0; r < rows; ++r) {
      const double score = real(args->scores)[r];
      const double* logits = real(args->logits) + r * V;
      const double total = score == kNone ? 0 : log_sum_exp(logits, V);
      if (!std::isfinite(total)) {
        bad = r;
        return;
      }
      for (int64_t w = 0; w < V; ++w)
        scores[r * V + w] = score == kNone ? kNone : score + logits[w] - total;
    }
    penalise(args->penalties, V, scores);
    std::vector<int32_t> order;
    for (int64_t g = 0; g < args->groups; ++g) {
      order.clear();
      for (int64_t i = 0; i < all; ++i)
        if (scores[g * all + i] > kNone) order.push_back(static_cast<int32_t>(i));
      std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
        return scores[g * all + a] > scores[g * all + b];
      });
      for (int64_t i = 0; i < args->k; ++i) {
        const bool found = i < static_cast<int64_t>(order.size());
        args->indices[g * args->k + i] = found ? order[static_cast<size_t>(i)] : -1;
        real(args->best)[g * args->k + i] =
            found ? scores[g * all + order[static_cast<size_t>(i)]] : kNone;
      }
    }
  });
  return status == RN_OK ? check_choice(context, bad) : status;
}

}  // namespace rnnative::reference

// The best continuations of beams. A row's log-probabilities are formed in a scratch row, a penalty
// is added where one is due, and only values that beat the worst of the best so far are looked at
// one by one: a block of vectors is skipped by its maximum. Sentences are shared among the threads.
#include <math.h>

#include "native/cpu/indices.h"
#include "native/cpu/kernels.h"
#include "native/cpu/softmax_rows.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kBlock = 8 * kLanes;

// The best of a sentence so far, best first; of equals the earlier one.
struct Best {
  int32_t* indices;
  float* scores;
  int64_t k;

  float worst() const { return scores[k - 1]; }
  void add(float score, int32_t index) const {
    int64_t at = k - 1;
    for (; at > 0 && scores[at - 1] < score; --at) {
      scores[at] = scores[at - 1];
      indices[at] = indices[at - 1];
    }
    scores[at] = score;
    indices[at] = index;
  }
};

// Penalties in order of their rows: those of row r are order[first[r]] .. order[first[r + 1] - 1].
struct Penalties {
  const int32_t* tokens;
  const float* values;
  const int32_t* order;
  const int32_t* first;
};

int32_t sort_penalties(RnContext* ctx, const RnTopk& args, Penalties* out) {
  const int64_t rows = args.groups * args.beams, n = args.penalties;
  const int32_t* row_of = args.penalty_rows;
  int32_t status = check_indices(ctx, "penalty row", row_of, n, rows - 1);
  if (status == RN_OK)
    status = check_indices(ctx, "penalty token", args.penalty_tokens, n, args.vocabulary - 1);
  if (status != RN_OK) return status;
  auto* first = (int32_t*)ctx->scratch(ctx->runtime, (size_t)(rows + 2 + n) * sizeof(int32_t));
  if (!first) return RN_ERR_OUT_OF_MEMORY;
  int32_t* order = first + rows + 2;
  memset(first, 0, (size_t)(rows + 2) * sizeof(int32_t));
  for (int64_t i = 0; i < n; ++i) ++first[row_of[i] + 2];
  for (int64_t r = 2; r <= rows + 1; ++r) first[r] += first[r - 1];
  for (int64_t i = 0; i < n; ++i) order[first[row_of[i] + 1]++] = (int32_t)i;
  *out = {args.penalty_tokens, (const float*)args.penalty_values, order, first};
  return RN_OK;
}

void row_scores(const RnTopk& args, const Penalties& p, int64_t row, float score, float* to) {
  const int64_t n = args.vocabulary;
  const float* logits = (const float*)args.logits + row * n;
  const vf shift = splat(row_maximum(logits, n));
  const double total = sum_lanes(
      n, [=](int64_t i, auto at) { return at.keep(exp(at.load(logits + i) - shift), 0); });
  const vf offset = splat((float)::log(total)), start = splat(score);
  each_vector(0, n, [=](int64_t i, auto at) {
    at.store(to + i, at.load(logits + i) - shift - offset + start);
  });
  for (int64_t i = p.first[row]; i < p.first[row + 1]; ++i)
    to[p.tokens[p.order[i]]] += p.values[p.order[i]];
}

void choose(const float* scores, int64_t n, int64_t first_index, const Best& best) {
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t end = i + kBlock < n ? i + kBlock : n;
    vf most = splat(-__builtin_inff());
    each_vector(i, end, [&](int64_t x, auto at) {
      most = max(at.keep(at.load(scores + x), -__builtin_inff()), most);
    });
    if (!(max_of(most) > best.worst())) continue;
    for (int64_t x = i; x < end; ++x)
      if (scores[x] > best.worst()) best.add(scores[x], (int32_t)(first_index + x));
  }
}

}  // namespace

int32_t topk(RnContext* ctx, const RnTopk* args) {
  Penalties penalties;
  const int32_t status = sort_penalties(ctx, *args, &penalties);
  if (status != RN_OK) return status;
  const int64_t n = args->vocabulary;
  float* scratch = scratch_floats(ctx, args->groups * n);
  if (!scratch) return RN_ERR_OUT_OF_MEMORY;
  parallel_items(ctx, args->groups, args->beams * n, [&](int64_t begin, int64_t end) {
    for (int64_t g = begin; g < end; ++g) {
      const Best best = {args->indices + g * args->k, (float*)args->best + g * args->k, args->k};
      for (int64_t i = 0; i < best.k; ++i) {
        best.indices[i] = -1;
        best.scores[i] = -__builtin_inff();
      }
      for (int64_t beam = 0; beam < args->beams; ++beam) {
        const int64_t row = g * args->beams + beam;
        const float score = ((const float*)args->scores)[row];
        if (score == -__builtin_inff()) continue;
        row_scores(*args, penalties, row, score, scratch + g * n);
        choose(scratch + g * n, n, beam * n, best);
      }
    }
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

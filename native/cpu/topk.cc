// The best continuations of beams. A row's log-probabilities are formed in a scratch row, a penalty
// is added where one is due, and only values that beat the worst of the best so far are looked at
// one by one: a block of vectors is skipped by its maximum. Sentences are shared among the threads.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/penalties.h"
#include "native/cpu/core/softmax_rows.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kBlock = 8 * kLanes;
// A sentence's first index, less the beam, where that one's logits cannot be ranked.
constexpr int32_t kRefused = -2;

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

// False if there is a NaN or no finite maximum.
bool row_scores(const RnTopk& args, const Penalties& penalties, int64_t row, float score,
                float* to) {
  const int64_t n = args.vocabulary;
  const float* logits = (const float*)args.logits + row * n;
  const ExpSum sum = exp_sum(logits, n);
  if (!sum.finite()) return false;
  const vf shift = splat(sum.shift), offset = splat((float)::log(sum.total)), start = splat(score);
  each_vector(0, n, [=](int64_t i, auto at) {
    at.store(to + i, at.load(logits + i) - shift - offset + start);
  });
  penalties.add_to(row, to);
  return true;
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
  const int32_t status = sort_penalties(ctx, args->penalties, args->groups * args->beams,
                                        args->vocabulary, &penalties);
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
        if (!row_scores(*args, penalties, row, score, scratch + g * n)) {
          best.indices[0] = (int32_t)(kRefused - beam);
          break;
        }
        choose(scratch + g * n, n, beam * n, best);
      }
    }
  });
  for (int64_t g = 0; g < args->groups; ++g) {
    const int32_t first = args->indices[g * args->k];
    if (first <= kRefused) return refuse_choice(ctx, g * args->beams + kRefused - first);
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

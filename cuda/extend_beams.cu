// The next rows of beams: a thread for each group, whose continuations are few.
#include "cuda/core/walk.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

__global__ void extend_beams_kernel(RnExtendBeams s) {
  const auto* best = static_cast<const float*>(s.best);
  auto* scores = static_cast<float*>(s.scores);
  for (int64_t g = first_index(); g < s.groups; g += index_stride()) {
    const int64_t begin = g * s.k, end = begin + s.k;
    int64_t at = begin;
    float first = 0;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t index = s.indices[i], token = index % s.vocabulary;
      if (index < 0 || token == s.end) continue;
      if (at == begin) first = best[i];
      s.tokens[at] = static_cast<int32_t>(token < s.known ? token : s.unknown);
      s.rows[at] = static_cast<int32_t>(g * s.beams + index / s.vocabulary);
      scores[at++] = best[i] - first;
    }
    for (; at < end; ++at) {
      s.tokens[at] = static_cast<int32_t>(s.end);
      s.rows[at] = static_cast<int32_t>(g * s.beams);
      scores[at] = -INFINITY;
    }
  }
}

}  // namespace

int32_t extend_beams(RnContext* ctx, const RnExtendBeams* args) {
  const int32_t status = check_indices(ctx, "continuation", args->indices, args->groups * args->k,
                                       args->beams * args->vocabulary - 1, -1);
  if (status != RN_OK || args->groups == 0) return status;
  return launch(ctx, over(args->groups), extend_beams_kernel, *args);
}

}  // namespace rnnative::cuda

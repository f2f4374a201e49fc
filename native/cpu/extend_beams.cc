// The next rows of beams: few numbers, one thread.
#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"

namespace rnnative::cpu::RN_ISA {

int32_t extend_beams(RnContext* ctx, const RnExtendBeams* args) {
  const int64_t k = args->k, vocabulary = args->vocabulary;
  const int32_t status = check_indices(ctx, "continuation", args->indices, args->groups * k,
                                       args->beams * vocabulary - 1, -1);
  if (status != RN_OK) return status;
  const float* best = (const float*)args->best;
  float* scores = (float*)args->scores;
  for (int64_t g = 0; g < args->groups; ++g) {
    const int64_t begin = g * k, end = begin + k;
    int64_t at = begin;
    float first = 0;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t index = args->indices[i], token = index % vocabulary;
      if (index < 0 || token == args->end) continue;
      if (at == begin) first = best[i];
      args->tokens[at] = (int32_t)(token < args->known ? token : args->unknown);
      args->rows[at] = (int32_t)(g * args->beams + index / vocabulary);
      scores[at++] = best[i] - first;
    }
    for (; at < end; ++at) {
      args->tokens[at] = (int32_t)args->end;
      args->rows[at] = (int32_t)(g * args->beams);
      scores[at] = -__builtin_inff();
    }
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

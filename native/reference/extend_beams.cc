// The next rows of beams, group by group.
#include <limits>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t extend_beams(RnContext* context, const RnExtendBeams* args) {
  const int64_t all = args->groups * args->k, V = args->vocabulary;
  if (int32_t status =
          check_indices(context, "continuation", args->indices, all, args->beams * V - 1, -1))
    return status;
  for (int64_t g = 0; g < args->groups; ++g) {
    int64_t at = g * args->k;
    double first = 0;
    for (int64_t i = g * args->k; i < (g + 1) * args->k; ++i) {
      if (args->indices[i] < 0) continue;
      const int64_t token = args->indices[i] % V;
      if (token == args->end) continue;
      const double score = real(args->best)[i];
      if (at == g * args->k) first = score;
      args->tokens[at] = static_cast<int32_t>(token < args->known ? token : args->unknown);
      args->rows[at] = static_cast<int32_t>(g * args->beams + args->indices[i] / V);
      real(args->scores)[at++] = score - first;
    }
    for (; at < (g + 1) * args->k; ++at) {
      args->tokens[at] = static_cast<int32_t>(args->end);
      args->rows[at] = static_cast<int32_t>(g * args->beams);
      real(args->scores)[at] = -std::numeric_limits<double>::infinity();
    }
  }
  return RN_OK;
}

}  // namespace rnnative::reference

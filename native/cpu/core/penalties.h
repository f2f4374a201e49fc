// Penalties by row, for the ops that choose tokens: see RnPenalties.
#ifndef RNNATIVE_CPU_CORE_PENALTIES_H_
#define RNNATIVE_CPU_CORE_PENALTIES_H_

#include "native/cpu/core/indices.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Those of row r are number order[first[r]] .. order[first[r + 1] - 1].
struct Penalties {
  const int32_t* tokens;
  const float* values;
  const int32_t* order;
  const int32_t* first;

  bool any(int64_t row) const { return first[row] < first[row + 1]; }
  // scores: [vocabulary] of the row.
  void add_to(int64_t row, float* scores) const {
    for (int64_t i = first[row]; i < first[row + 1]; ++i)
      scores[tokens[order[i]]] += values[order[i]];
  }
};

inline int32_t sort_penalties(RnContext* ctx, const RnPenalties& given, int64_t rows,
                              int64_t vocabulary, Penalties* out) {
  const int64_t n = given.count;
  int32_t status = check_indices(ctx, "penalty row", given.rows, n, rows - 1);
  if (status == RN_OK)
    status = check_indices(ctx, "penalty token", given.tokens, n, vocabulary - 1);
  if (status != RN_OK) return status;
  auto* first = (int32_t*)ctx->scratch(ctx->runtime, (size_t)(rows + 2 + n) * sizeof(int32_t));
  if (!first) return RN_ERR_OUT_OF_MEMORY;
  int32_t* order = first + rows + 2;
  memset(first, 0, (size_t)(rows + 2) * sizeof(int32_t));
  for (int64_t i = 0; i < n; ++i) ++first[given.rows[i] + 2];
  for (int64_t r = 2; r <= rows + 1; ++r) first[r] += first[r - 1];
  for (int64_t i = 0; i < n; ++i) order[first[given.rows[i] + 1]++] = (int32_t)i;
  *out = {given.tokens, (const float*)given.values, order, first};
  return RN_OK;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_PENALTIES_H_

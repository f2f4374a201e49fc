// Ids, targets and lengths come from data, so kernels check them before they write anything.
#ifndef RNNATIVE_CPU_CORE_INDICES_H_
#define RNNATIVE_CPU_CORE_INDICES_H_

#include <stdio.h>

#include "native/abi/backend.h"
#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// RN_OK when each of values[0..n-1] lies in 0..last or equals `exempt`; else RN_ERR_INDEX and a
// message that names the first offender.
RN_INLINE int32_t check_indices(RnContext* ctx, const char* what, const int32_t* values, int64_t n,
                                int64_t last, int64_t exempt = INT64_MIN) {
  for (int64_t i = 0; i < n; ++i) {
    if ((values[i] >= 0 && values[i] <= last) || values[i] == exempt) continue;
    snprintf(ctx->error, sizeof ctx->error, "%s %d at position %lld: expected 0..%lld", what,
             values[i], (long long)i, (long long)last);
    return RN_ERR_INDEX;
  }
  return RN_OK;
}

// What an op answers where nothing can be chosen after a row.
RN_INLINE int32_t refuse_choice(RnContext* ctx, int64_t row) {
  snprintf(ctx->error, sizeof ctx->error,
           "row %lld: expected scores with a finite maximum and no NaN", (long long)row);
  return RN_ERR_NONFINITE;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_INDICES_H_

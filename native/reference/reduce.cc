// Sum, mean and maximum over the middle axis of [outer, n, inner].
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t reduce(RnContext*, const RnReduceArgs* args) {
  for (int64_t o = 0; o < args->outer; ++o) {
    for (int64_t i = 0; i < args->inner; ++i) {
      const double* x = real(args->x) + o * args->n * args->inner + i;
      double sum = 0;
      int64_t best = 0;
      for (int64_t k = 0; k < args->n; ++k) {
        const double value = x[k * args->inner], leader = x[best * args->inner];
        sum += value;
        if (value > leader || (std::isnan(value) && !std::isnan(leader))) best = k;
      }
      const int64_t at = o * args->inner + i;
      switch (args->op) {
        case RN_SUM:
          real(args->y)[at] = sum;
          break;
        case RN_MEAN:
          real(args->y)[at] = sum / static_cast<double>(args->n);
          break;
        case RN_MAX:
          real(args->y)[at] = x[best * args->inner];
          break;
      }
      if (args->op == RN_MAX && args->argmax) args->argmax[at] = static_cast<int32_t>(best);
    }
  }
  return RN_OK;
}

int32_t reduce_backward(RnContext* context, const RnReduceBackward* args) {
  if (args->op == RN_MAX) {
    const int64_t count = args->outer * args->inner;
    const int32_t status = check_indices(context, "argmax", args->argmax, count, args->n - 1);
    if (status != RN_OK) return status;
  }
  double* dx = open(args->dx, args->outer * args->n * args->inner);
  if (dx == nullptr) return RN_OK;
  const double factor = args->op == RN_MEAN ? 1.0 / static_cast<double>(args->n) : 1.0;
  for (int64_t o = 0; o < args->outer; ++o) {
    for (int64_t i = 0; i < args->inner; ++i) {
      const int64_t at = o * args->inner + i;
      for (int64_t k = 0; k < args->n; ++k) {
        if (args->op == RN_MAX && args->argmax[at] != k) continue;
        dx[(o * args->n + k) * args->inner + i] += real(args->dy)[at] * factor;
      }
    }
  }
  return RN_OK;
}

}  // namespace rnnative::reference

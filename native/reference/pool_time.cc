// Mean, maximum and last of each row's own steps.
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t pool_time(RnContext* context, const RnPoolTime* args) {
  if (int32_t status = check_lengths(context, args->lengths, args->batch, args->time))
    return status;
  for (int64_t b = 0; b < args->batch; ++b) {
    const int64_t length = args->lengths ? args->lengths[b] : args->time;
    for (int64_t f = 0; f < args->features; ++f) {
      const int64_t at = b * args->features + f, stride = args->batch * args->features;
      const double* x = real(args->x) + at;
      double sum = 0;
      int64_t best = -1;
      for (int64_t t = 0; t < length; ++t) {
        const double value = x[t * stride];
        sum += value;
        if (best < 0 || value > x[best * stride] ||
            (std::isnan(value) && !std::isnan(x[best * stride])))
          best = t;
      }
      double& y = real(args->y)[at];
      if (length == 0) {
        y = 0;
      } else if (args->op == RN_POOL_MEAN) {
        y = sum / static_cast<double>(length);
      } else {
        y = x[(args->op == RN_POOL_MAX ? best : length - 1) * stride];
      }
      if (args->op == RN_POOL_MAX) args->steps[at] = static_cast<int32_t>(best);
    }
  }
  return RN_OK;
}

int32_t pool_time_backward(RnContext* context, const RnPoolTimeBackward* args) {
  if (int32_t status = check_lengths(context, args->lengths, args->batch, args->time))
    return status;
  double* dx = open(args->dx, args->time * args->batch * args->features);
  if (dx == nullptr) return RN_OK;
  for (int64_t b = 0; b < args->batch; ++b) {
    const int64_t length = args->lengths ? args->lengths[b] : args->time;
    for (int64_t f = 0; f < args->features; ++f) {
      const int64_t at = b * args->features + f;
      const double dy = real(args->dy)[at];
      for (int64_t t = 0; t < length; ++t) {
        double& d = dx[t * args->batch * args->features + at];
        if (args->op == RN_POOL_MEAN) d += dy / static_cast<double>(length);
        if (args->op == RN_POOL_MAX && args->steps[at] == t) d += dy;
        if (args->op == RN_POOL_LAST && t == length - 1) d += dy;
      }
    }
  }
  return RN_OK;
}

}  // namespace rnnative::reference

// Softmax and log-softmax over rows, shifted by the row's maximum so that exp cannot overflow.
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/log_sum_exp.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t softmax(RnContext*, const RnSoftmax* args) {
  for (int64_t row = 0; row < args->rows; ++row) {
    const double* x = real(args->x) + row * args->columns;
    double* y = real(args->y) + row * args->columns;
    const double total = log_sum_exp(x, args->columns);
    for (int64_t c = 0; c < args->columns; ++c)
      y[c] = args->log ? x[c] - total : std::exp(x[c] - total);
  }
  return RN_OK;
}

// softmax: dx = y * (dy - sum(y * dy)); log-softmax: dx = dy - exp(y) * sum(dy).
int32_t softmax_backward(RnContext*, const RnSoftmaxBackward* args) {
  double* dx = open(args->dx, args->rows * args->columns);
  if (dx == nullptr) return RN_OK;
  for (int64_t row = 0; row < args->rows; ++row) {
    const int64_t begin = row * args->columns;
    const double *y = real(args->y) + begin, *dy = real(args->dy) + begin;
    double sum = 0;
    for (int64_t c = 0; c < args->columns; ++c) sum += args->log ? dy[c] : y[c] * dy[c];
    for (int64_t c = 0; c < args->columns; ++c)
      dx[begin + c] += args->log ? dy[c] - std::exp(y[c]) * sum : y[c] * (dy[c] - sum);
  }
  return RN_OK;
}

}  // namespace rnnative::reference

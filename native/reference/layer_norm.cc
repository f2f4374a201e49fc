// Layer normalisation (Ba et al. 2016) over rows. With n = (x - mean) * r, r = 1 / sqrt(var + eps)
// and d = dy * gain:  dx = r * (d - mean(d) - n * mean(d * n)).
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t layer_norm(RnContext*, const RnLayerNorm* args) {
  const int64_t features = args->features;
  const double *gain = real(args->gain), *bias = real(args->bias);
  double* saved = real(args->saved);
  for (int64_t row = 0; row < args->rows; ++row) {
    const double* x = real(args->x) + row * features;
    double* y = real(args->y) + row * features;
    double mean = 0, variance = 0;
    for (int64_t f = 0; f < features; ++f) mean += x[f] / static_cast<double>(features);
    for (int64_t f = 0; f < features; ++f)
      variance += (x[f] - mean) * (x[f] - mean) / static_cast<double>(features);
    const double r = 1 / std::sqrt(variance + args->eps);
    for (int64_t f = 0; f < features; ++f)
      y[f] = (x[f] - mean) * r * (gain ? gain[f] : 1) + (bias ? bias[f] : 0);
    if (saved) {
      saved[2 * row] = mean;
      saved[2 * row + 1] = r;
    }
  }
  return RN_OK;
}

int32_t layer_norm_backward(RnContext*, const RnLayerNormBackward* args) {
  const int64_t features = args->features;
  const double *gain = real(args->gain), *saved = real(args->saved);
  double* dx = open(args->dx, args->rows * features);
  double* dgain = open(args->dgain, features);
  double* dbias = open(args->dbias, features);
  for (int64_t row = 0; row < args->rows; ++row) {
    const double* x = real(args->x) + row * features;
    const double* dy = real(args->dy) + row * features;
    const double mean = saved[2 * row], r = saved[2 * row + 1];
    double mean_d = 0, mean_dn = 0;
    for (int64_t f = 0; f < features; ++f) {
      const double d = dy[f] * (gain ? gain[f] : 1), n = (x[f] - mean) * r;
      mean_d += d / static_cast<double>(features);
      mean_dn += d * n / static_cast<double>(features);
    }
    for (int64_t f = 0; f < features; ++f) {
      const double d = dy[f] * (gain ? gain[f] : 1), n = (x[f] - mean) * r;
      if (dx) dx[row * features + f] += r * (d - mean_d - n * mean_dn);
      if (dgain) dgain[f] += dy[f] * n;
      if (dbias) dbias[f] += dy[f];
    }
  }
  return RN_OK;
}

}  // namespace rnnative::reference

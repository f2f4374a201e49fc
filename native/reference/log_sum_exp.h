#ifndef RNNATIVE_REFERENCE_LOG_SUM_EXP_H_
#define RNNATIVE_REFERENCE_LOG_SUM_EXP_H_

#include <cmath>
#include <cstdint>

namespace rnnative::reference {

// log(sum(exp(x[0..n-1]))), without overflow.
inline double log_sum_exp(const double* x, int64_t n) {
  double maximum = -INFINITY;
  for (int64_t i = 0; i < n; ++i) maximum = std::fmax(maximum, x[i]);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - maximum);
  return maximum + std::log(sum);
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_LOG_SUM_EXP_H_

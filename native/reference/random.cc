// Tensors of uniform or normal numbers, four to a Philox block.
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t random_fill(RnContext*, const RnRandomFill* args) {
  double* y = real(args->y);
  for (int64_t i = 0; i < args->n; ++i) {
    if (args->distribution == RN_UNIFORM) {
      y[i] = args->a + (args->b - args->a) * uniform(args->random, 0, i);
      continue;
    }
    // Box-Muller: a pair of words makes a pair of normal numbers.
    const int64_t even = i & ~int64_t{1};
    const double u1 = uniform(args->random, 0, even) + 0x1p-24;
    const double u2 = uniform(args->random, 0, even + 1);
    const double radius = std::sqrt(-2 * std::log(u1)), angle = 2 * M_PI * u2;
    y[i] = args->a + args->b * radius * (i == even ? std::cos(angle) : std::sin(angle));
  }
  return RN_OK;
}

}  // namespace rnnative::reference

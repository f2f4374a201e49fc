// Inverted dropout (Srivastava et al. 2014). A dropped element is zero whatever it was, NaN too.
#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t dropout(RnContext*, const RnDropout* args) {
  const double* x = real(args->x);
  double* y = open(args->y, args->outer * args->batch * args->inner);
  if (y == nullptr) return RN_OK;
  for (int64_t o = 0; o < args->outer; ++o) {
    for (int64_t b = 0; b < args->batch; ++b) {
      for (int64_t i = 0; i < args->inner; ++i) {
        const int64_t at = (o * args->batch + b) * args->inner + i;
        const double factor = dropout_factor(args->random, b, o * args->inner + i, args->p);
        if (factor != 0) y[at] += x[at] * factor;
      }
    }
  }
  return RN_OK;
}

}  // namespace rnnative::reference

// Integers as rows of zeros and a one, and as reals.
#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t one_hot(RnContext* context, const RnOneHot* args) {
  if (int32_t status = check_indices(context, "id", args->ids, args->rows, args->classes - 1))
    return status;
  std::fill_n(real(args->y), args->rows * args->classes, 0.0);
  for (int64_t n = 0; n < args->rows; ++n) real(args->y)[n * args->classes + args->ids[n]] = 1;
  return RN_OK;
}

int32_t to_real(RnContext*, const RnToReal* args) {
  for (int64_t i = 0; i < args->n; ++i) real(args->y)[i] = args->x[i];
  return RN_OK;
}

}  // namespace rnnative::reference

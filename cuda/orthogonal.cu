// Weights are initialised once: native/ops has the host make them and uploads them.
#include "cuda/core/device.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {

int32_t orthogonal(RnContext* ctx, const RnOrthogonal*) {
  return fail(ctx, RN_ERR_UNSUPPORTED, "made on the host");
}

}  // namespace rnnative::cuda

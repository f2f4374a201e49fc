// Vectors are trained on the host: rows are updated one after another, far too few at a time for a
// device. native/ops never asks for it.
#include "cuda/core/device.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {

int32_t embed_train(RnContext* ctx, const RnEmbedTrain*) {
  return fail(ctx, RN_ERR_UNSUPPORTED, "trained on the host");
}

}  // namespace rnnative::cuda

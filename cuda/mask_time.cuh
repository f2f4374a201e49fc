// The op mask_time, for ops that have checked the lengths.
#ifndef RNNATIVE_CUDA_MASK_TIME_CUH_
#define RNNATIVE_CUDA_MASK_TIME_CUH_

#include "native/abi/backend.h"

namespace rnnative::cuda {

// y [time, batch, features] (+)= x, with zeros for it from lengths[b] on.
int32_t mask_checked(RnContext* ctx, const RnMaskTime& args);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_MASK_TIME_CUH_

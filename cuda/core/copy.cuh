// strided_copy of floats, in cuda/strided_copy.cu, for other ops.
#ifndef RNNATIVE_CUDA_CORE_COPY_CUH_
#define RNNATIVE_CUDA_CORE_COPY_CUH_

#include <initializer_list>

#include "native/abi/base.h"

namespace rnnative::cuda {

// An axis has as many elements, so far apart in x and in y.
struct CopyAxis {
  int64_t size, from, to;
};
int32_t copy_floats(RnContext*, std::initializer_list<CopyAxis>, const float* x, float* y,
                    bool add = false);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_COPY_CUH_

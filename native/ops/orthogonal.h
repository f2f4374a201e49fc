// Random orthogonal matrices.
#ifndef RNNATIVE_OPS_ORTHOGONAL_H_
#define RNNATIVE_OPS_ORTHOGONAL_H_

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// [rows, columns] in `blocks` blocks of rows, each of orthonormal rows (columns, where it has more
// rows) times gain. For a CUDA device the host computes it, on one thread.
Tensor orthogonal(Queue& queue, Device device, int64_t rows, int64_t columns, int64_t blocks,
                  double gain, const RnRandom& random);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_ORTHOGONAL_H_

// Rows of a table by id.
#ifndef RNNATIVE_OPS_EMBEDDING_H_
#define RNNATIVE_OPS_EMBEDDING_H_

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// ids: i32 of any shape, table: [V, E] -> [...ids, E]. An id outside 0..V-1 fails the output with
// ERR_INDEX when the op runs.
Tensor embedding(Queue& queue, const Tensor& ids, const Tensor& table);
// dtable: [V, E] (+)= the rows of dy [...ids, E] summed per id; rows of unused ids are 0 (dense).
void embedding_backward(Queue& queue, const Tensor& ids, const Tensor& dy, const Sink& dtable);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_EMBEDDING_H_

// Rows of a table by id.
#ifndef RNNATIVE_OPS_EMBEDDING_H_
#define RNNATIVE_OPS_EMBEDDING_H_

#include <vector>

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// ids: i32 of any shape, table: [V, E] -> [...ids, E]. An id outside 0..V-1 fails the output with
// ERR_INDEX when the op runs.
Tensor embedding(Queue& queue, const Tensor& ids, const Tensor& table);
// dtable: [V, E] (+)= the rows of dy [...ids, E] summed per id; rows of unused ids are 0 (dense).
void embedding_backward(Queue& queue, const Tensor& ids, const Tensor& dy, const Sink& dtable);

struct TouchedRows {
  Tensor touched, sums;
};
// The same of the rows that ids name alone. Lists of ids belong to the rows of dy [N, E] one after
// another; an id that is `none` of its list counts for nothing. touched: i32 [C], the distinct ids
// in ascending order, then -1; sums: [C, E], their rows, then zeros; C = min(N, vocabulary).
TouchedRows touched_rows(Queue& queue, const std::vector<Tensor>& ids,
                         const std::vector<int64_t>& none, const Tensor& dy, int64_t vocabulary);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_EMBEDDING_H_

// What makes reals of integers.
#ifndef RNNATIVE_OPS_ONE_HOT_H_
#define RNNATIVE_OPS_ONE_HOT_H_

#include <cstdint>

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// ids: i32 of any shape, each in 0..classes-1 -> [...ids, classes], 1 at the id and 0 elsewhere.
Tensor one_hot(Queue& queue, const Tensor& ids, int64_t classes);
Tensor to_real(Queue& queue, const Tensor& x);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_ONE_HOT_H_

// Choice between two tensors by a condition.
#ifndef RNNATIVE_OPS_WHERE_H_
#define RNNATIVE_OPS_WHERE_H_

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// a where the condition (i32) is not 0, else b; all three broadcast.
Tensor where(Queue& queue, const Tensor& condition, const Tensor& a, const Tensor& b);
// The operands' shapes are those of their sinks; the condition and they broadcast to dy's shape.
void where_backward(Queue& queue, const Tensor& condition, const Tensor& dy, const Sink& da,
                    const Sink& db);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_WHERE_H_

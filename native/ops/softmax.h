// Softmax and log-softmax over the last axis.
#ifndef RNNATIVE_OPS_SOFTMAX_H_
#define RNNATIVE_OPS_SOFTMAX_H_

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// x: at least one axis.
Tensor softmax(Queue& queue, const Tensor& x, bool log);
// y is the forward result.
void softmax_backward(Queue& queue, const Tensor& y, const Tensor& dy, bool log, const Sink& dx);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_SOFTMAX_H_

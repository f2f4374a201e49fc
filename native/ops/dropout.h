// Inverted dropout whose mask depends on the sample, not on the batch around it.
#ifndef RNNATIVE_OPS_DROPOUT_H_
#define RNNATIVE_OPS_DROPOUT_H_

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// y (+)= x * keep / (1 - p), 0 <= p < 1, drawn per sample along `batch_axis`. The same call with dy
// for x is its backward. Without a sink makes a new tensor; returns whichever was written.
Tensor dropout(Queue& queue, const Tensor& x, double p, int64_t batch_axis, const RnRandom& random,
               const Sink& sink);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_DROPOUT_H_

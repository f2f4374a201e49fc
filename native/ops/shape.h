// Ops that move elements: permute, slice, concatenate, and mask ragged sequences.
#ifndef RNNATIVE_OPS_SHAPE_H_
#define RNNATIVE_OPS_SHAPE_H_

#include <cstdint>
#include <vector>

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// y's axis i is x's axis axes[i]. Writes or adds to the sink, or makes a new tensor without one;
// returns whichever it was. Adding needs a real dtype; i32 can be moved.
Tensor permute(Queue& queue, const Tensor& x, const std::vector<int64_t>& axes, const Sink& sink);

// A copy of x[begin : begin + length] along the axis.
Tensor slice(Queue& queue, const Tensor& x, int64_t axis, int64_t begin, int64_t length);
// dx[begin : begin + dy's extent] (+)= dy; with write, the rest of dx becomes 0.
void slice_backward(Queue& queue, const Tensor& dy, int64_t axis, int64_t begin, const Sink& dx);

// One after another along the axis; shapes agree elsewhere.
Tensor concat(Queue& queue, const std::vector<Tensor>& xs, int64_t axis);

// y[t, b, ...] = x[t, b, ...] where t < lengths[b], else 0. x: [T, B, ...], lengths: i32 [B].
// Sink as in permute.
Tensor mask_time(Queue& queue, const Tensor& x, const Tensor& lengths, const Sink& sink);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_SHAPE_H_

// The most arithmetic that the backend's instruction set and threads can do.
#ifndef RNNATIVE_OPS_PEAK_H_
#define RNNATIVE_OPS_PEAK_H_

#include "native/runtime/op.h"

namespace rnnative {

// A scalar: GFLOP/s of f32 multiply-adds (two operations each) that stay in registers, on all
// threads of the team, measured for 0 <= seconds <= 1. ERR_UNSUPPORTED where there is no such
// kernel.
Tensor peak(Queue& queue, Device device, double seconds);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_PEAK_H_

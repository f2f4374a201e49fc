// Sum, mean and maximum over one axis.
#ifndef RNNATIVE_OPS_REDUCE_H_
#define RNNATIVE_OPS_REDUCE_H_

#include <string_view>

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

RnReduce parse_reduce(const char* op, std::string_view name);

struct Reduced {
  Tensor y;       // x's shape without the axis
  Tensor argmax;  // i32 of y's shape for RN_MAX, else null
};
// The mean and maximum of an empty axis are refused; its sum is 0.
Reduced reduce(Queue& queue, RnReduce op, const Tensor& x, int64_t axis);
// dx: `shape`, which is x's.
void reduce_backward(Queue& queue, RnReduce op, const Shape& shape, int64_t axis,
                     const Tensor& argmax, const Tensor& dy, const Sink& dx);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_REDUCE_H_

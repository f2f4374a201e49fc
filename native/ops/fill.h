// Ops that fill, copy and accumulate whole tensors.
#ifndef RNNATIVE_OPS_FILL_H_
#define RNNATIVE_OPS_FILL_H_

#include <string_view>

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// Submits `op`, which is to fill `y`, of integers.
void fill_integers(Queue& queue, Op op, const Tensor& y, int32_t value);
// A new real tensor of one value.
Tensor full(Queue& queue, Device device, const Shape& shape, double value);
RnDistribution parse_distribution(std::string_view name);
// A new real tensor of random numbers (RnRandomFill).
Tensor random(Queue& queue, Device device, const Shape& shape, RnDistribution distribution,
              double a, double b, const RnRandom& random);

// In place: y keeps its contents when the op cannot run. y is real.
void fill(Queue& queue, const Tensor& y, double value);
// In place: y = x element by element; same dtype (real or i32) and element count.
void copy_into(Queue& queue, const Tensor& y, const Tensor& x);
// y += x for real tensors of one element count. A failed x fails y.
void accumulate(Queue& queue, const Tensor& y, const Tensor& x);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_FILL_H_

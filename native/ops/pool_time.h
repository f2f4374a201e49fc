// One step of each row's own steps: their mean, maximum or last.
#ifndef RNNATIVE_OPS_POOL_TIME_H_
#define RNNATIVE_OPS_POOL_TIME_H_

#include <string_view>

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

RnPool parse_pool(const char* op, std::string_view name);

struct Pooled {
  Tensor y;      // [batch, ...]
  Tensor steps;  // i32 [batch, ...] for a maximum, else null
};

// x: [time, batch, ...]; lengths: i32 [batch] or null.
Pooled pool_time(Queue& queue, RnPool op, const Tensor& x, const Tensor& lengths);
// dx: [time, batch, ...].
void pool_time_backward(Queue& queue, RnPool op, const Tensor& lengths, const Tensor& steps,
                        const Tensor& dy, const Sink& dx);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_POOL_TIME_H_

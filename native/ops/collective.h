// What the ranks of a group do with tensors together.
#ifndef RNNATIVE_OPS_COLLECTIVE_H_
#define RNNATIVE_OPS_COLLECTIVE_H_

#include <vector>

#include "native/runtime/queue.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// In place and in queue order: each becomes its sum over all ranks of the group, which all call
// this alike. `bf16`: f32 tensors are rounded to it on the way. Not an op, which would not run
// where a tensor could not be computed: the other ranks wait for this one whatever has become of
// its numbers, so they are told NaN, and the tensor stays as it was. ERR_UNSUPPORTED without a
// group.
void group_sum(EngineQueue& queue, const std::vector<Tensor>& tensors, bool bf16);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_COLLECTIVE_H_

// What the ranks of a group do with tensors together.
#ifndef RNNATIVE_OPS_COLLECTIVE_H_
#define RNNATIVE_OPS_COLLECTIVE_H_

#include <cstdint>

#include "native/runtime/queue.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// Sums over all ranks of the group, which run beside what the engine computes. A ticket is what
// belongs to one step: its sums are announced where in a queue their tensors are final, and begin
// once it is known that all ranks make the step, in the order in which they were announced, which
// is the same on all ranks. All throw ERR_UNSUPPORTED without a group.

// Greater than any before.
int64_t group_ticket();

// In place and in queue order: from here on the tensor is only to be read or written after
// group_wait of the ticket. `divides`: it is one number, by which those of the ticket that follow
// are divided. `bf16`: f32 is rounded to it on the way. Not an op, which would not run where a
// tensor could not be computed: the other ranks wait for this one whatever has become of its
// numbers, so they are told NaN, and the tensor stays as it was.
void group_sum(EngineQueue& queue, const Tensor& tensor, bool bf16, int64_t ticket, bool divides);

// Lets the sums of a ticket begin, and those of earlier ones that have not begun never do so.
void group_begin(int64_t ticket);

// In queue order, after group_begin: waits for all sums of the ticket.
void group_wait(EngineQueue& queue, int64_t ticket);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_COLLECTIVE_H_

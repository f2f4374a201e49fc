// The mixture of a pointer-generator; the formulas are at RnPointer.
#ifndef RNNATIVE_OPS_POINTER_H_
#define RNNATIVE_OPS_POINTER_H_

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

struct PointerArgs {
  Tensor gates;    // [T, B]
  Tensor weights;  // [T, B, S]
  Tensor ids;      // i32 [S, sources]: B is a multiple of the sources
  Tensor lengths;  // i32 [sources] or null
  int64_t vocabulary;
};
struct PointerTargets {
  Tensor targets;    // i32 [T, B]
  Tensor generated;  // [T, B]
};

// [T, B]
Tensor pointer_losses(Queue& queue, const PointerArgs& args, const PointerTargets& targets);
void pointer_losses_backward(Queue& queue, const PointerArgs& args, const PointerTargets& targets,
                             const Tensor& dlosses, const Sink& dgenerated, const Sink& dgates,
                             const Sink& dweights);
// T is 1; logs: [B, vocabulary]. Makes [B, width].
Tensor pointer_mixture(Queue& queue, const PointerArgs& args, const Tensor& logs, int64_t width);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_POINTER_H_

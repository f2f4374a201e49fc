// Cross-entropy fused with the output projection, so that logits need never exist twice.
#ifndef RNNATIVE_OPS_CROSS_ENTROPY_H_
#define RNNATIVE_OPS_CROSS_ENTROPY_H_

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// The formula is at RnLinearCrossEntropy in backend.h.
struct CrossEntropyArgs {
  Tensor x;              // [..., H]; logits [..., V] without a weight
  Tensor weight;         // [V, H] or null
  Tensor bias;           // [V] or null; needs a weight
  Tensor targets;        // i32 [...]
  Tensor class_weights;  // [V] or null
  int64_t ignore_index = -100;
  double label_smoothing = 0;  // [0, 1]
  RnPrecision precision = RN_PRECISION_F32;
};
struct CrossEntropyResult {
  Tensor losses, weights;  // shape of targets; sum(losses) / sum(weights) is PyTorch's mean
  Tensor reserve;          // null unless training
};

CrossEntropyResult cross_entropy(Queue& queue, const CrossEntropyArgs& args, bool training);
// dlosses has the shape of targets. dweight and dbias need a weight and a bias.
void cross_entropy_backward(Queue& queue, const CrossEntropyArgs& args, const Tensor& reserve,
                            const Tensor& dlosses, const Sink& dx, const Sink& dweight,
                            const Sink& dbias);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_CROSS_ENTROPY_H_

// Cross-entropy fused with the output projection.
#ifndef RNNATIVE_ABI_ARGS_CROSS_ENTROPY_H_
#define RNNATIVE_ABI_ARGS_CROSS_ENTROPY_H_

#include "native/abi/base.h"

// logits = x W^T + b (or x itself when weight.data is NULL: then features == classes), in f32, with
// the product and those of the gradients (dx, dweight) in `precision`.
// With p = softmax(logits), y = target, w = class weights (1 if NULL), s = label smoothing:
//   losses[n] = (1 - s) * w[y] * -log p[y] + s / classes * sum_c w[c] * -log p[c];  weights[n] =
//   w[y]
// Both are 0 where y == ignore_index. (PyTorch's cross_entropy, 'none'; its mean is
// sum(losses) / sum(weights).) Other targets outside 0..classes-1: RN_ERR_INDEX.
typedef struct RnLinearCrossEntropy {
  int64_t rows, features, classes;
  const void* x;              // [rows, features]
  RnWeight weight;            // [classes, features] or absent
  const void* bias;           // [classes] or NULL
  const int32_t* targets;     // [rows]
  const void* class_weights;  // [classes] or NULL
  int64_t ignore_index;       // a value outside 0..classes-1 that no target has: nothing is ignored
  double label_smoothing;
  int32_t precision;  // RnPrecision
  void* losses;       // [rows]
  void* weights;      // [rows]
  void* reserve;      // cross_entropy_reserve bytes for backward; NULL in inference
} RnLinearCrossEntropy;
typedef struct RnLinearCrossEntropyBackward {
  RnLinearCrossEntropy forward;  // the same arguments; losses and weights NULL
  const void* dlosses;           // [rows]
  RnGrad dx, dweight, dbias;     // dweight, dbias skipped when absent
} RnLinearCrossEntropyBackward;

#endif  // RNNATIVE_ABI_ARGS_CROSS_ENTROPY_H_

// Layer normalization over the last axis (Ba, Kiros & Hinton 2016).
#ifndef RNNATIVE_OPS_LAYER_NORM_H_
#define RNNATIVE_OPS_LAYER_NORM_H_

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

struct LayerNormed {
  Tensor y;      // as x
  Tensor saved;  // [rows, 2] for backward; null unless training
};
// x: [..., F], gain and bias: [F] or null.
LayerNormed layer_norm(Queue& queue, const Tensor& x, const Tensor& gain, const Tensor& bias,
                       double eps, bool training);
// dgain needs a gain.
void layer_norm_backward(Queue& queue, const Tensor& x, const Tensor& gain, const Tensor& saved,
                         const Tensor& dy, const Sink& dx, const Sink& dgain, const Sink& dbias);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_LAYER_NORM_H_

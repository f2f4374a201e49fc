// Matrix products and the affine layer.
#ifndef RNNATIVE_OPS_MATMUL_H_
#define RNNATIVE_OPS_MATMUL_H_

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// y = op(a) op(b), where op swaps the last two axes if told to. a: [..., M, K], b: [..., K, N] with
// a's leading axes or none (2-D); y: [..., M, N].
Tensor matmul(Queue& queue, const Tensor& a, const Tensor& b, bool trans_a, bool trans_b);
// The same into y, written or added to.
void matmul_into(Queue& queue, const Tensor& a, const Tensor& b, bool trans_a, bool trans_b,
                 const Sink& y);

// y = x W^T + bias. x: [..., I], weight: [O, I], bias: [O] or null, y: [..., O]. precision: an
// RnPrecision, or RN_PRECISION_INT8.
Tensor linear(Queue& queue, const Tensor& x, const Tensor& weight, const Tensor& bias,
              int32_t precision);
// dx = dy W, dweight = dy^T x, dbias = column sums of dy, each written, added to or skipped.
void linear_backward(Queue& queue, const Tensor& x, const Tensor& weight, const Tensor& dy,
                     const Sink& dx, const Sink& dweight, const Sink& dbias, RnPrecision precision);

// For kernels of this folder: backend.matmul that also answers empty products (k = 0 gives 0).
int32_t multiply(OpRun& run, const RnMatmul& args);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_MATMUL_H_

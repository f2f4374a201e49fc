// Elementwise functions of one and two tensors.
#ifndef RNNATIVE_OPS_ELEMENTWISE_H_
#define RNNATIVE_OPS_ELEMENTWISE_H_

#include <string_view>

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

RnUnary parse_unary(const char* op, std::string_view name);
RnBinary parse_binary(const char* op, std::string_view name);

// y = f(x); a and b parametrise affine (a x + b), pow (x ^ a) and clamp (to [a, b]).
Tensor unary(Queue& queue, RnUnary op, const Tensor& x, double a, double b);
// dx (+)= dy f'(x), with y = f(x) as computed.
void unary_backward(Queue& queue, RnUnary op, const Tensor& x, const Tensor& y, const Tensor& dy,
                    double a, double b, const Sink& dx);

// NumPy broadcasting: axes are aligned at the end, extents equal or 1.
Tensor binary(Queue& queue, RnBinary op, const Tensor& a, const Tensor& b);
// da and db have the operands' own shapes: summed over broadcast axes.
void binary_backward(Queue& queue, RnBinary op, const Tensor& a, const Tensor& b, const Tensor& dy,
                     const Sink& da, const Sink& db);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_ELEMENTWISE_H_

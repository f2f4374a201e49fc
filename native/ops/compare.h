// Comparisons.
#ifndef RNNATIVE_OPS_COMPARE_H_
#define RNNATIVE_OPS_COMPARE_H_

#include <string_view>

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

RnCompareOp parse_comparison(const char* op, std::string_view name);

// i32, 1 where it holds and 0 elsewhere, with broadcasting. a and b: both real or both i32.
Tensor compare(Queue& queue, RnCompareOp op, const Tensor& a, const Tensor& b);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_COMPARE_H_

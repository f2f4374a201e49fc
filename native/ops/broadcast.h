// NumPy broadcasting: axes are aligned at the end, extents equal or 1.
#ifndef RNNATIVE_OPS_BROADCAST_H_
#define RNNATIVE_OPS_BROADCAST_H_

#include <string_view>

#include "native/abi/backend.h"
#include "native/ops/check.h"

namespace rnnative {

// What two shapes broadcast to. ERR_SHAPE, naming the second.
Shape broadcast(const Checker& check, const Shape& a, std::string_view name, const Shape& b);

// A shape and the strides of up to three operands along it, 0 where they repeat; without unit axes,
// and with neighbours merged wherever all operands step through them as through one axis. At least
// one axis remains.
struct BroadcastAxes {
  int32_t dims = 0;
  int64_t shape[RN_MAX_DIMS] = {};
  int64_t strides[3][RN_MAX_DIMS] = {};

  void copy_to(int32_t* to_dims, int64_t* to_shape) const;
  void copy_to(int operand, int64_t* to_strides) const;
};
BroadcastAxes broadcast_axes(const Shape& result, const Shape& a, const Shape& b);
BroadcastAxes broadcast_axes(const Shape& result, const Shape& a, const Shape& b, const Shape& c);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_BROADCAST_H_

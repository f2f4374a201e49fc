// Shapes walked by strides, reduced to the fewest axes before a backend sees them.
#ifndef RNNATIVE_OPS_STRIDED_H_
#define RNNATIVE_OPS_STRIDED_H_

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// Two operands walked together over one shape, in elements.
struct StridedAxes {
  int32_t dims = 0;
  int64_t shape[RN_MAX_DIMS] = {};
  int64_t a[RN_MAX_DIMS] = {};
  int64_t b[RN_MAX_DIMS] = {};

  void push(int64_t extent, int64_t a_stride, int64_t b_stride);
  int64_t elements() const;
};

// Row-major strides of a dense tensor of this shape.
void dense_strides(const Shape& shape, int64_t* strides);

// The same walk without unit axes and with neighbours merged wherever both operands step through
// them as through one axis. At least one axis remains.
StridedAxes fold(const StridedAxes& axes);

// y (+)= x over axes.a (x) and axes.b (y), both pointers already offset. Nothing to do when empty.
int32_t strided_copy(OpRun& run, const StridedAxes& axes, DType dtype, const void* x, void* y,
                     bool add);

// Fills a gradient that is to be written with zeros; leaves one that is added to.
int32_t zero(OpRun& run, const Sink& sink);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_STRIDED_H_

#include "native/ops/strided.h"

#include <algorithm>

namespace rnnative {

void StridedAxes::push(int64_t extent, int64_t a_stride, int64_t b_stride) {
  shape[dims] = extent;
  a[dims] = a_stride;
  b[dims] = b_stride;
  ++dims;
}

int64_t StridedAxes::elements() const {
  int64_t size = 1;
  for (int i = 0; i < dims; ++i) size *= shape[i];
  return size;
}

void dense_strides(const Shape& shape, int64_t* strides) {
  int64_t stride = 1;
  for (int i = shape.dims() - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= std::max<int64_t>(shape[i], 1);
  }
}

StridedAxes fold(const StridedAxes& axes) {
  StridedAxes folded;
  for (int i = 0; i < axes.dims; ++i) {
    if (axes.shape[i] == 1) continue;
    const int last = folded.dims - 1;
    const bool merges = last >= 0 && folded.a[last] == axes.a[i] * axes.shape[i] &&
                        folded.b[last] == axes.b[i] * axes.shape[i];
    if (merges) {
      folded.shape[last] *= axes.shape[i];
      folded.a[last] = axes.a[i];
      folded.b[last] = axes.b[i];
    } else {
      folded.push(axes.shape[i], axes.a[i], axes.b[i]);
    }
  }
  if (folded.dims == 0) folded.push(1, 1, 1);
  return folded;
}

int32_t strided_copy(OpRun& run, const StridedAxes& axes, DType dtype, const void* x, void* y,
                     bool add) {
  if (axes.elements() == 0) return RN_OK;
  const StridedAxes folded = fold(axes);
  RnStridedCopy args = {};
  args.dims = folded.dims;
  args.element_size = static_cast<int32_t>(size_of(dtype));
  args.add = add;
  std::copy_n(folded.shape, folded.dims, args.shape);
  std::copy_n(folded.a, folded.dims, args.x_strides);
  std::copy_n(folded.b, folded.dims, args.y_strides);
  args.x = x;
  args.y = y;
  return run.backend().strided_copy(run.context(), &args);
}

int32_t zero(OpRun& run, const Sink& sink) {
  if (!sink.tensor || sink.add || sink.tensor.elements() == 0) return RN_OK;
  const RnFill args = {run.data(sink.tensor), sink.tensor.elements(), 0.0};
  return run.backend().fill(run.context(), &args);
}

}  // namespace rnnative

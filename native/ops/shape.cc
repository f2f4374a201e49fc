#include "native/ops/shape.h"

#include <string>

#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

// Address of element `index` of a tensor.
char* at(OpRun& run, const Tensor& t, int64_t index) {
  return static_cast<char*>(run.data(t)) + index * static_cast<int64_t>(size_of(t.dtype));
}

// The range of `whole` along `axis` that `part` covers, as (part, whole) strides over part's shape.
StridedAxes range_axes(const Shape& part, const Shape& whole, int axis) {
  const int64_t inner = part.product(axis + 1, part.dims());
  StridedAxes axes;
  axes.push(part.product(0, axis), part[axis] * inner, whole[axis] * inner);
  axes.push(part[axis] * inner, 1, 1);
  return axes;
}

// The sink, checked, or a new tensor where there is none.
Sink target(const Checker& check, const Sink& sink, const Shape& shape, DType dtype) {
  if (!sink.tensor) return {check.make(shape, dtype), false};
  check.sink("sink", sink, shape);
  return sink;
}

}  // namespace

Tensor permute(Queue& queue, const Tensor& x, const std::vector<int64_t>& axes, const Sink& sink) {
  const Checker check("permute", x.device);
  check.movable("x", x);
  if (sink.tensor) check.real("x", x);
  if (axes.size() != static_cast<size_t>(x.shape.dims())) {
    check.fail("ERR_ARGUMENT", "axes: expected one per axis of " + x.shape.to_string() + ", got " +
                                   std::to_string(axes.size()));
  }
  Shape shape;
  bool seen[Shape::kMaxDims] = {};
  for (int64_t axis : axes) {
    const int i = check.axis("axes", axis, x);
    if (seen[i])
      check.fail("ERR_ARGUMENT",
                 "axes: expected each axis once, got " + std::to_string(axis) + " twice");
    seen[i] = true;
    shape.push(x.shape[i]);
  }
  const Sink y = target(check, sink, shape, x.dtype);

  int64_t x_strides[RN_MAX_DIMS] = {}, y_strides[RN_MAX_DIMS] = {};
  dense_strides(x.shape, x_strides);
  dense_strides(shape, y_strides);
  StridedAxes walk;
  for (int i = 0; i < shape.dims(); ++i) walk.push(shape[i], x_strides[axes[i]], y_strides[i]);
  queue.submit(Op("permute", x.device).reads(x).sink(y.tensor, y.add), [=](OpRun& run) {
    return strided_copy(run, walk, x.dtype, run.data(x), run.data(y.tensor), y.add);
  });
  return y.tensor;
}

Tensor slice(Queue& queue, const Tensor& x, int64_t axis, int64_t begin, int64_t length) {
  const Checker check("slice", x.device);
  check.movable("x", x);
  const int i = check.axis("axis", axis, x);
  if (begin < 0 || length < 0 || begin > x.shape[i] || length > x.shape[i] - begin) {
    check.fail("ERR_ARGUMENT", "begin, length: expected a range of " + std::to_string(x.shape[i]) +
                                   ", got " + std::to_string(begin) + ", " +
                                   std::to_string(length));
  }
  Shape shape = x.shape;
  shape.set(i, length);
  const Tensor y = check.make(shape, x.dtype);
  queue.submit(Op("slice", x.device).reads(x).writes(y), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    StridedAxes axes = range_axes(y.shape, x.shape, i);
    std::swap(axes.a, axes.b);
    const int64_t first = begin * x.shape.product(i + 1, x.shape.dims());
    return strided_copy(run, axes, x.dtype, at(run, x, first), run.data(y), false);
  });
  return y;
}

void slice_backward(Queue& queue, const Tensor& dy, int64_t axis, int64_t begin, const Sink& dx) {
  const Checker check("slice_backward", dy.device);
  check.real("dy", dy);
  check.real("dx", dx.tensor);
  const int i = check.axis("axis", axis, dy);
  const Shape& whole = dx.tensor.shape;
  Shape same = dy.shape;
  if (whole.dims() == dy.shape.dims()) same.set(i, whole[i]);
  check.shape("dx", dx.tensor, same);
  if (begin < 0 || begin > whole[i] || dy.shape[i] > whole[i] - begin) {
    check.fail("ERR_ARGUMENT", "begin: expected room for " + std::to_string(dy.shape[i]) + " of " +
                                   std::to_string(whole[i]) + ", got " + std::to_string(begin));
  }
  queue.submit(Op("slice_backward", dy.device).reads(dy).sink(dx.tensor, dx.add),
               [=](OpRun& run) -> int32_t {
                 if (const int32_t status = zero(run, dx); status != RN_OK) return status;
                 if (dy.elements() == 0) return RN_OK;
                 const Shape& outer = dx.tensor.shape;
                 const int64_t first = begin * outer.product(i + 1, outer.dims());
                 return strided_copy(run, range_axes(dy.shape, outer, i), dy.dtype, run.data(dy),
                                     at(run, dx.tensor, first), dx.add);
               });
}

Tensor concat(Queue& queue, const std::vector<Tensor>& xs, int64_t axis) {
  if (xs.empty()) Checker("concat", Device::kCpu).fail("ERR_ARGUMENT", "xs: expected tensors");
  const Checker check("concat", xs[0].device);
  check.movable("xs[0]", xs[0]);
  const int i = check.axis("axis", axis, xs[0]);
  Shape shape = xs[0].shape;
  int64_t extent = 0;
  for (size_t k = 0; k < xs.size(); ++k) {
    const Tensor& x = xs[k];
    const std::string name = "xs[" + std::to_string(k) + "]";
    check.movable(name, x);
    if (x.dtype != xs[0].dtype) {
      check.fail("ERR_DTYPE",
                 name + ": expected " + name_of(xs[0].dtype) + ", got " + name_of(x.dtype));
    }
    Shape want = xs[0].shape;
    if (x.shape.dims() == want.dims()) want.set(i, x.shape[i]);
    check.shape(name, x, want);
    extent += x.shape[i];
    shape.set(i, extent);
    if (extent > kMaxElements) check.fail("ERR_SHAPE", "output: too many elements");
  }
  const Tensor y = check.make(shape, xs[0].dtype);
  Op work("concat", y.device);
  for (const Tensor& x : xs) work.reads(x);
  work.writes(y);
  queue.submit(std::move(work), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    const int64_t inner = y.shape.product(i + 1, y.shape.dims());
    int64_t first = 0;
    for (const Tensor& x : xs) {
      const int32_t status = strided_copy(run, range_axes(x.shape, y.shape, i), x.dtype,
                                          run.data(x), at(run, y, first), false);
      if (status != RN_OK) return status;
      first += x.shape[i] * inner;
    }
    return RN_OK;
  });
  return y;
}

Tensor mask_time(Queue& queue, const Tensor& x, const Tensor& lengths, const Sink& sink) {
  const Checker check("mask_time", x.device);
  check.real("x", x);
  check.at_least("x", x, 2);
  check.ints("lengths", lengths, Shape{x.shape[1]});
  const Sink y = target(check, sink, x.shape, x.dtype);
  queue.submit(Op("mask_time", x.device).reads(x).reads(lengths).sink(y.tensor, y.add),
               [=](OpRun& run) -> int32_t {
                 if (x.elements() == 0) return RN_OK;
                 const RnMaskTime args = {x.shape[0],
                                          x.shape[1],
                                          x.shape.product(2, x.shape.dims()),
                                          static_cast<const int32_t*>(run.data(lengths)),
                                          run.data(x),
                                          run.grad(y.tensor, y.add)};
                 return run.backend().mask_time(run.context(), &args);
               });
  return y.tensor;
}

}  // namespace rnnative

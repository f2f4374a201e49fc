#include "native/ops/reduce.h"

#include <cstdint>
#include <string>

#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

int check_axis(const Checker& check, RnReduce op, const Shape& shape, int64_t axis) {
  if (axis < 0 || axis >= shape.dims()) {
    check.fail("ERR_ARGUMENT",
               "axis: expected an axis of " + shape.to_string() + ", got " + std::to_string(axis));
  }
  if (shape[static_cast<int>(axis)] == 0 && op != RN_SUM) {
    check.fail("ERR_SHAPE", "x: expected elements along the axis, got " + shape.to_string());
  }
  return static_cast<int>(axis);
}

Shape without(Shape shape, int axis) {
  shape.erase(axis);
  return shape;
}

}  // namespace

RnReduce parse_reduce(const char* op, std::string_view name) {
  return static_cast<RnReduce>(choose(op, "op", name, {"sum", "mean", "max"}));
}

Reduced reduce(Queue& queue, RnReduce op, const Tensor& x, int64_t axis) {
  const Checker check("reduce", x.device);
  check.real("x", x);
  const int at = check_axis(check, op, x.shape, axis);
  Reduced result;
  result.y = check.make(without(x.shape, at));
  if (op == RN_MAX && x.shape[at] > INT32_MAX)
    check.fail("ERR_SHAPE", "x: an axis too long for its positions to be int32");
  if (op == RN_MAX) result.argmax = check.make(result.y.shape, DType::kI32);
  const Tensor y = result.y, argmax = result.argmax;
  queue.submit(Op("reduce", x.device).reads(x).writes(y).writes(argmax),
               [=](OpRun& run) -> int32_t {
                 if (y.elements() == 0) return RN_OK;
                 if (x.elements() == 0) return zero(run, {y, false});
                 const RnReduceArgs args = {op,
                                            x.shape.product(0, at),
                                            x.shape[at],
                                            x.shape.product(at + 1, x.shape.dims()),
                                            run.data(x),
                                            run.data(y),
                                            static_cast<int32_t*>(run.data(argmax))};
                 return run.backend().reduce(run.context(), &args);
               });
  return result;
}

void reduce_backward(Queue& queue, RnReduce op, const Shape& shape, int64_t axis,
                     const Tensor& argmax, const Tensor& dy, const Sink& dx) {
  const Checker check("reduce_backward", dy.device);
  const int at = check_axis(check, op, shape, axis);
  check.real("dy", dy, without(shape, at));
  if (op == RN_MAX) {
    check.ints("argmax", argmax, dy.shape);
  } else if (argmax) {
    check.fail("ERR_ARGUMENT", "argmax: expected null, got a tensor");
  }
  check.sink("dx", dx, shape);
  if (!dx.tensor) return;
  queue.submit(Op("reduce_backward", dy.device).reads(dy).reads(argmax).sink(dx.tensor, dx.add),
               [=](OpRun& run) -> int32_t {
                 if (dx.tensor.elements() == 0) return RN_OK;
                 const RnReduceBackward args = {op,
                                                shape.product(0, at),
                                                shape[at],
                                                shape.product(at + 1, shape.dims()),
                                                static_cast<const int32_t*>(run.data(argmax)),
                                                run.data(dy),
                                                run.grad(dx.tensor, dx.add)};
                 return run.backend().reduce_backward(run.context(), &args);
               });
}

}  // namespace rnnative

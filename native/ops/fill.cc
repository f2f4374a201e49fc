#include "native/ops/fill.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

Kernel filling(const Tensor& y, double value) {
  return [y, value](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    const RnFill args = {run.data(y), y.elements(), value};
    return run.backend().fill(run.context(), &args);
  };
}

void same_elements(const Checker& check, const Tensor& y, const Tensor& x) {
  if (y.elements() != x.elements()) {
    check.fail("ERR_SHAPE", "x: expected " + std::to_string(y.elements()) + " elements, got " +
                                x.shape.to_string());
  }
}

}  // namespace

void fill_integers(Queue& queue, Op op, const Tensor& y, int32_t value) {
  op.uploads = y.device == Device::kCuda;
  queue.submit(std::move(op), [y, value](OpRun& run) -> int32_t {
    if (y.device == Device::kCuda) {
      const std::vector<int32_t> values(static_cast<size_t>(y.elements()), value);
      return run.upload(y, values.data());
    }
    std::fill_n(static_cast<int32_t*>(run.data(y)), y.elements(), value);
    return RN_OK;
  });
}

Tensor full(Queue& queue, Device device, const Shape& shape, double value) {
  const Checker check("full", device);
  const Tensor y = check.make(shape);
  queue.submit(Op("full", device).writes(y), filling(y, value));
  return y;
}

RnDistribution parse_distribution(std::string_view name) {
  return static_cast<RnDistribution>(choose("random", "distribution", name, {"uniform", "normal"}));
}

Tensor random(Queue& queue, Device device, const Shape& shape, RnDistribution distribution,
              double a, double b, const RnRandom& random) {
  const Checker check("random", device);
  constexpr double kMax = std::numeric_limits<double>::max();
  check.in_range("a", a, -kMax, kMax, true);
  check.in_range("b", b, distribution == RN_UNIFORM ? a : 0, kMax, true);
  const Tensor y = check.make(shape);
  queue.submit(Op("random", device).writes(y), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    const RnRandomFill args = {run.data(y), y.elements(), distribution, a, b, random};
    return run.backend().random_fill(run.context(), &args);
  });
  return y;
}

void fill(Queue& queue, const Tensor& y, double value) {
  const Checker check("fill", y.device);
  check.real("y", y);
  queue.submit(Op("fill", y.device).replaces(y), filling(y, value));
}

void copy_into(Queue& queue, const Tensor& y, const Tensor& x) {
  const Checker check("copy_into", y.device);
  check.movable("y", y);
  check.movable("x", x);
  if (x.dtype != y.dtype) {
    check.fail("ERR_DTYPE",
               std::string("x: expected ") + name_of(y.dtype) + ", got " + name_of(x.dtype));
  }
  same_elements(check, y, x);
  queue.submit(Op("copy_into", y.device).reads(x).replaces(y), [x, y](OpRun& run) {
    StridedAxes axes;
    axes.push(y.elements(), 1, 1);
    return strided_copy(run, axes, y.dtype, run.data(x), run.data(y), false);
  });
}

void accumulate(Queue& queue, const Tensor& y, const Tensor& x) {
  const Checker check("accumulate", y.device);
  check.real("y", y);
  check.real("x", x);
  same_elements(check, y, x);
  queue.submit(Op("accumulate", y.device).reads(x).adds(y), [x, y](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    const RnAccumulate args = {run.data(y), run.data(x), y.elements()};
    return run.backend().accumulate(run.context(), &args);
  });
}

}  // namespace rnnative

#include "native/ops/check.h"

#include <cmath>
#include <cstdio>

#include "native/runtime/error.h"

namespace rnnative {

namespace {

std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string expected(std::string_view name, std::string_view want, std::string_view got) {
  return std::string(name).append(": expected ").append(want).append(", got ").append(got);
}

}  // namespace

void Checker::fail(const char* code, std::string_view text) const {
  throw Error(code, std::string("[").append(op_).append("] ").append(text));
}

void Checker::present(std::string_view name, const Tensor& t) const {
  if (!t) fail("ERR_ARGUMENT", expected(name, "a tensor", "null"));
  if (t.device != device_) {
    fail("ERR_DEVICE", expected(name, std::string("a tensor on ") + name_of(device_),
                                std::string("one on ") + name_of(t.device)));
  }
}

void Checker::dtype(std::string_view name, const Tensor& t, DType want) const {
  present(name, t);
  if (t.dtype != want) fail("ERR_DTYPE", expected(name, name_of(want), name_of(t.dtype)));
}

void Checker::real(std::string_view name, const Tensor& t) const {
  dtype(name, t, real_dtype(device_));
}

void Checker::real(std::string_view name, const Tensor& t, const Shape& want) const {
  real(name, t);
  shape(name, t, want);
}

void Checker::ints(std::string_view name, const Tensor& t) const {
  dtype(name, t, DType::kI32);
}

void Checker::ints(std::string_view name, const Tensor& t, const Shape& want) const {
  ints(name, t);
  shape(name, t, want);
}

void Checker::bytes(std::string_view name, const Tensor& t, int64_t count) const {
  dtype(name, t, DType::kU8);
  shape(name, t, Shape{count});
}

void Checker::movable(std::string_view name, const Tensor& t) const {
  present(name, t);
  if (t.dtype != DType::kI32) real(name, t);
}

void Checker::optional_real(std::string_view name, const Tensor& t, const Shape& want) const {
  if (t) real(name, t, want);
}

void Checker::sink(std::string_view name, const Sink& sink, const Shape& want) const {
  optional_real(name, sink.tensor, want);
}

void Checker::shape(std::string_view name, const Tensor& t, const Shape& want) const {
  if (!(t.shape == want)) {
    fail("ERR_SHAPE", expected(name, want.to_string(), t.shape.to_string()));
  }
}

void Checker::steps(std::string_view name, const Tensor& t, std::string_view form) const {
  real(name, t);
  if (t.shape.dims() != 3 || t.shape[2] < 1) {
    fail("ERR_SHAPE",
         std::string(name) + ": expected " + std::string(form) + ", got " + t.shape.to_string());
  }
}

void Checker::at_least(std::string_view name, const Tensor& t, int dims) const {
  if (t.shape.dims() < dims) {
    fail("ERR_SHAPE",
         expected(name,
                  "at least " + std::to_string(dims) + (dims == 1 ? " dimension" : " dimensions"),
                  t.shape.to_string()));
  }
}

int Checker::axis(std::string_view name, int64_t axis, const Tensor& x) const {
  if (axis < 0 || axis >= x.shape.dims()) {
    fail("ERR_ARGUMENT", expected(name, "an axis of " + x.shape.to_string(), std::to_string(axis)));
  }
  return static_cast<int>(axis);
}

void Checker::not_nan(std::string_view name, double value) const {
  if (std::isnan(value)) fail("ERR_ARGUMENT", expected(name, "a number", "NaN"));
}

void Checker::in_range(std::string_view name, double value, double low, double high,
                       bool closed) const {
  const bool inside = value >= low && (closed ? value <= high : value < high);
  if (inside && std::isfinite(value)) return;
  std::string want = std::isinf(high) ? "a finite number >= " + text_of(low)
                                      : "a number in [" + text_of(low) + ", " + text_of(high) +
                                            (closed ? "]" : ")");
  fail("ERR_ARGUMENT", expected(name, want, text_of(value)));
}

Tensor Checker::make(const Shape& shape) const {
  return make(shape, real_dtype(device_));
}

Tensor Checker::make(const Shape& shape, DType dtype) const {
  int64_t size = 1;
  for (int i = 0; i < shape.dims(); ++i) {
    const int64_t extent = shape[i] > 0 ? shape[i] : 1;
    if (extent > kMaxElements / size) {
      fail("ERR_SHAPE", "output: " + shape.to_string() + " has too many elements");
    }
    size *= extent;
  }
  return empty(device_, dtype, shape);
}

int choose(const char* op, const char* what, std::string_view text,
           std::initializer_list<std::string_view> names) {
  int index = 0;
  for (std::string_view name : names) {
    if (name == text) return index;
    ++index;
  }
  std::string message = std::string("[") + op + "] " + what + ": expected one of ";
  for (std::string_view name : names) message.append(name).append(", ");
  message.append("got '").append(text.substr(0, 64)).append("'");
  throw Error("ERR_ARGUMENT", message);
}

Shape leading(const Shape& shape, int dims) {
  Shape result;
  for (int i = 0; i < dims; ++i) result.push(shape[i]);
  return result;
}

Shape appended(Shape shape, int64_t extent) {
  shape.push(extent);
  return shape;
}

}  // namespace rnnative

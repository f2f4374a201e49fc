// What every op does before it enqueues: refuse arguments that a backend could not run safely, with
// a message that names the op and the argument. Backends trust these checks.
#ifndef RNNATIVE_OPS_CHECK_H_
#define RNNATIVE_OPS_CHECK_H_

#include <initializer_list>
#include <string>
#include <string_view>

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// No tensor may have more elements (unit extents standing in for empty ones), so that products of
// extents, strides and byte counts inside backends stay far from overflow.
inline constexpr int64_t kMaxElements = int64_t{1} << 48;

// Checks the arguments of one call. All tensors must live on `device`; "real" is that device's
// floating dtype. Every method throws Error with "[op] name: expected ..., got ...".
class Checker {
 public:
  Checker(const char* op, Device device) : op_(op), device_(device) {}

  Device device() const { return device_; }
  [[noreturn]] void fail(const char* code, std::string_view text) const;

  // A tensor of the device and of the given dtype (and shape).
  void real(std::string_view name, const Tensor& t) const;
  void real(std::string_view name, const Tensor& t, const Shape& shape) const;
  void ints(std::string_view name, const Tensor& t) const;
  void ints(std::string_view name, const Tensor& t, const Shape& shape) const;
  void bytes(std::string_view name, const Tensor& t, int64_t count) const;
  // Real or i32: what ops that only move elements accept.
  void movable(std::string_view name, const Tensor& t) const;
  // Absent is fine; else a real tensor of this shape.
  void optional_real(std::string_view name, const Tensor& t, const Shape& shape) const;
  void sink(std::string_view name, const Sink& sink, const Shape& shape) const;

  void shape(std::string_view name, const Tensor& t, const Shape& expected) const;
  // A real tensor [time, batch, features] with at least one feature; `form` is how errors call it.
  void steps(std::string_view name, const Tensor& t, std::string_view form) const;
  void at_least(std::string_view name, const Tensor& t, int dims) const;
  // An axis of x, 0..dims-1.
  int axis(std::string_view name, int64_t axis, const Tensor& x) const;

  void not_nan(std::string_view name, double value) const;
  // low <= value < high, or value <= high where `closed`; never NaN or infinite.
  void in_range(std::string_view name, double value, double low, double high, bool closed) const;

  // A new real tensor on the device; refuses more than kMaxElements.
  Tensor make(const Shape& shape) const;
  Tensor make(const Shape& shape, DType dtype) const;

 private:
  void present(std::string_view name, const Tensor& t) const;
  void dtype(std::string_view name, const Tensor& t, DType expected) const;

  const char* op_;
  Device device_;
};

// Index of `text` among `names`; throws "[op] what: expected one of a, b, c; got 'text'".
int choose(const char* op, const char* what, std::string_view text,
           std::initializer_list<std::string_view> names);

// The leading `dims` extents of a shape.
Shape leading(const Shape& shape, int dims);
// `shape` with one more axis at its end.
Shape appended(Shape shape, int64_t extent);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_CHECK_H_

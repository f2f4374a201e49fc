#include "native/runtime/tensor.h"

#include "native/runtime/error.h"
#include "native/runtime/storage.h"

namespace rnnative {

size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF64:
      return 8;
    case DType::kU8:
      return 1;
  }
  return 1;
}

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF64:
      return "f64";
    case DType::kI32:
      return "i32";
    case DType::kU8:
      return "u8";
  }
  return "?";
}

const char* name_of(Device device) {
  switch (device) {
    case Device::kCpu:
      return "cpu";
    case Device::kReference:
      return "reference";
    case Device::kCuda:
      return "cuda";
  }
  return "?";
}

Shape::Shape(std::initializer_list<int64_t> dims) {
  for (const int64_t extent : dims) push(extent);
}

void Shape::push(int64_t extent) {
  if (dims_ == kMaxDims)
    throw Error("ERR_SHAPE", "[shape] dimensions: expected at most 8, got more");
  extent_[dims_++] = extent;
}

void Shape::erase(int axis) {
  for (int i = axis; i + 1 < dims_; ++i) extent_[i] = extent_[i + 1];
  --dims_;
}

int64_t Shape::elements() const {
  return product(0, dims_);
}

int64_t Shape::product(int begin, int end) const {
  int64_t product = 1;
  for (int i = begin; i < end; ++i) product *= extent_[i];
  return product;
}

bool Shape::operator==(const Shape& other) const {
  if (dims_ != other.dims_) return false;
  for (int i = 0; i < dims_; ++i)
    if (extent_[i] != other.extent_[i]) return false;
  return true;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int i = 0; i < dims_; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(extent_[i]);
  }
  return text + "]";
}

Tensor empty(Device device, DType dtype, const Shape& shape) {
  const size_t bytes = static_cast<size_t>(shape.elements()) * size_of(dtype);
  return {std::make_shared<Storage>(device, bytes), 0, shape, dtype, device};
}

DType real_dtype(Device device) {
  return device == Device::kReference ? DType::kF64 : DType::kF32;
}

}  // namespace rnnative

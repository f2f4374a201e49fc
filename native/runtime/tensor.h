// Storage and tensors: what a handle from JavaScript stands for, and what an op reads and writes.
#ifndef RNNATIVE_RUNTIME_TENSOR_H_
#define RNNATIVE_RUNTIME_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

namespace rnnative {

enum class Device : int32_t { kCpu, kReference, kCuda };
enum class DType : int32_t { kF32, kF64, kI32, kU8 };

size_t size_of(DType dtype);
const char* name_of(DType dtype);
const char* name_of(Device device);

// Up to 8 dimensions, held inline. Extents are >= 0.
class Shape {
 public:
  static constexpr int kMaxDims = 8;
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);
  int dims() const { return dims_; }
  int64_t operator[](int i) const { return extent_[i]; }
  void push(int64_t extent);  // throws Error(ERR_SHAPE) past kMaxDims
  void set(int i, int64_t extent) { extent_[i] = extent; }
  void erase(int axis);
  int64_t elements() const;  // product; 1 for a scalar. Overflow was refused on entry.
  int64_t product(int begin, int end) const;
  bool operator==(const Shape& other) const;
  std::string to_string() const;  // "[2, 3]"
 private:
  int dims_ = 0;
  int64_t extent_[kMaxDims] = {};
};

class Storage;  // storage.h: bytes on a device, allocated by the first op that writes it

// A dense, row-major range of a storage. Copying it copies a reference, not data.
struct Tensor {
  std::shared_ptr<Storage> storage;
  int64_t offset = 0;  // elements
  Shape shape;
  DType dtype = DType::kF32;
  Device device = Device::kCpu;

  explicit operator bool() const { return storage != nullptr; }
  int64_t elements() const { return shape.elements(); }
  size_t bytes() const { return static_cast<size_t>(elements()) * size_of(dtype); }
};

// A new tensor whose storage is not yet allocated.
Tensor empty(Device device, DType dtype, const Shape& shape);
// The dtype of `real` on a device: f64 on reference, else f32.
DType real_dtype(Device device);

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_TENSOR_H_

// The opaque buffer between a forward op and its backward.
//
// A backend names its size and alone knows its layout, so a reserve is only good for the backend
// and the sizes that it was made with. A header ahead of the backend's part says so: without it, a
// switch of instruction set or a handle mixed up in JavaScript would be read as something else.
// On CUDA the header is left out of use (device memory), the byte count alone is checked.
#ifndef RNNATIVE_OPS_RESERVE_H_
#define RNNATIVE_OPS_RESERVE_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "native/ops/check.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

class Reserve {
 public:
  Reserve() = default;  // none: inference
  // `sizes` are everything the layout depends on.
  Reserve(size_t bytes, std::initializer_list<int64_t> sizes);

  // A new u8 tensor to hold it.
  Tensor make(const Checker& check) const;
  // Throws unless `t` could have been made by make().
  void check(const Checker& check, const Tensor& t) const;

  // On the engine: the backend's part, after writing the header; null for a null tensor.
  void* open_for_write(OpRun& run, const Tensor& t) const;
  // On the engine: the backend's part, or null (with the reason in the context's error) when it was
  // made by another backend or for other sizes.
  const void* open_for_read(OpRun& run, const Tensor& t) const;

 private:
  int64_t bytes_ = 0;
  uint64_t hash_ = 0;
};

}  // namespace rnnative

#endif  // RNNATIVE_OPS_RESERVE_H_

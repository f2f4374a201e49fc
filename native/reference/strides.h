// Walks the elements of a shape in row-major order.
#ifndef RNNATIVE_REFERENCE_STRIDES_H_
#define RNNATIVE_REFERENCE_STRIDES_H_

#include <cstdint>

#include "native/abi/backend.h"

namespace rnnative::reference {

// Calls visit(i, index) for the i-th element, whose coordinates are index[0..dims-1].
template <typename Visit>
void for_each_index(int32_t dims, const int64_t* shape, Visit visit) {
  int64_t n = 1;
  for (int32_t d = 0; d < dims; ++d) n *= shape[d];
  int64_t index[RN_MAX_DIMS] = {};
  for (int64_t i = 0; i < n; ++i) {
    visit(i, index);
    for (int32_t d = dims - 1; d >= 0 && ++index[d] == shape[d]; --d) index[d] = 0;
  }
}

inline int64_t offset_of(int32_t dims, const int64_t* index, const int64_t* strides) {
  int64_t offset = 0;
  for (int32_t d = 0; d < dims; ++d) offset += index[d] * strides[d];
  return offset;
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_STRIDES_H_

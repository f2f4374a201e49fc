// Comparisons, with broadcasting.
#include "native/abi/backend.h"
#include "native/reference/strides.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

template <typename T>
bool holds(int32_t op, T a, T b) {
  switch (op) {
    case RN_EQUAL:
      return a == b;
    case RN_NOT_EQUAL:
      return a != b;
    case RN_LESS:
      return a < b;
    case RN_LESS_EQUAL:
      return a <= b;
  }
  return false;
}

template <typename T>
void compare_as(const RnCompare* args) {
  const T *a = static_cast<const T*>(args->a), *b = static_cast<const T*>(args->b);
  for_each_index(args->dims, args->shape, [&](int64_t i, const int64_t* index) {
    args->y[i] = holds(args->op, a[offset_of(args->dims, index, args->a_strides)],
                       b[offset_of(args->dims, index, args->b_strides)]);
  });
}

}  // namespace

int32_t compare(RnContext*, const RnCompare* args) {
  if (args->integers) {
    compare_as<int32_t>(args);
  } else {
    compare_as<double>(args);
  }
  return RN_OK;
}

}  // namespace rnnative::reference

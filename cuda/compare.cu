// Comparisons, with broadcasting: one pass. The choice among them is made for each element, as in
// elementwise.cu.
#include "cuda/core/broadcast.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

template <class T>
__device__ __forceinline__ bool holds(int32_t op, T a, T b) {
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

// Operands: a, b, y.
template <class T>
struct Comparison {
  int32_t op;
  const T *a, *b;
  int32_t* y;

  template <int kWidth>
  __device__ __forceinline__ void run(const int64_t (&at)[3], const int64_t (&strides)[3],
                                      int64_t count) const {
#pragma unroll
    for (int j = 0; j < kWidth; ++j)
      if (j < count) y[at[2] + j] = holds(op, a[at[0] + j * strides[0]], b[at[1] + j * strides[1]]);
  }
};

template <class T>
int32_t compare_as(RnContext* ctx, const RnCompare* args) {
  const Walk<3> walk = walk_of(args->dims, args->shape, args->a_strides, args->b_strides);
  return walk_all(ctx, walk, false,
                  Comparison<T>{args->op, static_cast<const T*>(args->a),
                                static_cast<const T*>(args->b), args->y});
}

}  // namespace

int32_t compare(RnContext* ctx, const RnCompare* args) {
  if (args->op < 0 || args->op >= RN_COMPARE_COUNT) return RN_ERR_UNSUPPORTED;
  return args->integers ? compare_as<int32_t>(ctx, args) : compare_as<float>(ctx, args);
}

}  // namespace rnnative::cuda

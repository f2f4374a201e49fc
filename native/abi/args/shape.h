// Reductions, copies through strides, and what lies past a length.
#ifndef RNNATIVE_ABI_ARGS_SHAPE_H_
#define RNNATIVE_ABI_ARGS_SHAPE_H_

#include "native/abi/base.h"

enum RnReduce { RN_SUM, RN_MEAN, RN_MAX, RN_REDUCE_COUNT };
// y: [outer, inner]; argmax: int32 [outer, inner] (RN_MAX only, may be NULL; first maximum wins,
// a NaN wins over numbers). n = 0 is refused for MAX and MEAN by native/ops.
typedef struct RnReduceArgs {
  int32_t op;
  int64_t outer, n, inner;
  const void* x;
  void* y;
  int32_t* argmax;
} RnReduceArgs;
typedef struct RnReduceBackward {
  int32_t op;
  int64_t outer, n, inner;
  const int32_t* argmax;
  const void* dy;
  RnGrad dx;
} RnReduceBackward;

// y[i...] (+)= x through strides, both sides over `shape`: permute, slice, concat (a call per
// input) and their gradients. element_size 4 or 8; `add` needs a real dtype.
typedef struct RnStridedCopy {
  int32_t dims;
  int32_t element_size;
  int32_t add;
  int64_t shape[RN_MAX_DIMS];
  int64_t x_strides[RN_MAX_DIMS], y_strides[RN_MAX_DIMS];
  const void* x;
  void* y;  // already offset to their first element
} RnStridedCopy;
// y[t, b, :] = t < lengths[b] ? x[t, b, :] : 0. Padded x is not read. Its gradient is itself.
typedef struct RnMaskTime {
  int64_t time, batch, features;
  const int32_t* lengths;
  const void* x;
  RnGrad y;
} RnMaskTime;

#endif  // RNNATIVE_ABI_ARGS_SHAPE_H_

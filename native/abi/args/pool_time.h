// What makes one step of each row's steps.
#ifndef RNNATIVE_ABI_ARGS_POOL_TIME_H_
#define RNNATIVE_ABI_ARGS_POOL_TIME_H_

#include "native/abi/base.h"

// MAX: of equals the first wins, a NaN over numbers. LAST: the step lengths[b] - 1.
enum RnPool { RN_POOL_MEAN, RN_POOL_MAX, RN_POOL_LAST, RN_POOL_COUNT };
// y[b, :] = the mean, maximum or last of x[t, b, :] over t < lengths[b]; zeros where that is 0.
// What lies past a length is not read.
typedef struct RnPoolTime {
  int32_t op;
  int64_t time, batch, features;
  const int32_t* lengths;  // [batch] or NULL: all
  const void* x;           // [time, batch, features]
  void* y;                 // [batch, features]
  int32_t* steps;          // [batch, features], MAX only: where the maximum was, -1: nowhere
} RnPoolTime;
// Zero past the lengths, and for MAX and LAST on all steps but one.
typedef struct RnPoolTimeBackward {
  int32_t op;
  int64_t time, batch, features;
  const int32_t* lengths;  // as in forward
  const int32_t* steps;    // as forward left them; only compared with steps
  const void* dy;          // [batch, features]
  RnGrad dx;               // [time, batch, features]
} RnPoolTimeBackward;

#endif  // RNNATIVE_ABI_ARGS_POOL_TIME_H_

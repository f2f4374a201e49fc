// Comparing, choosing by a condition, and what turns integers into reals.
#ifndef RNNATIVE_ABI_ARGS_SELECT_H_
#define RNNATIVE_ABI_ARGS_SELECT_H_

#include "native/abi/base.h"

enum RnCompareOp { RN_EQUAL, RN_NOT_EQUAL, RN_LESS, RN_LESS_EQUAL, RN_COMPARE_COUNT };
// y = f(a, b) ? 1 : 0 over `shape`, as int32; strides as of RnBinaryArgs. Both operands are real,
// or int32 where `integers`. NaN equals nothing and is neither less nor greater.
typedef struct RnCompare {
  int32_t op;
  int32_t integers;
  int32_t dims;
  int64_t shape[RN_MAX_DIMS];
  int64_t a_strides[RN_MAX_DIMS], b_strides[RN_MAX_DIMS];
  const void *a, *b;
  int32_t* y;
} RnCompare;

// y = condition != 0 ? a : b over `shape`; strides in elements, 0 along broadcast axes. y is dense.
typedef struct RnWhere {
  int32_t dims;
  int64_t shape[RN_MAX_DIMS];
  int64_t condition_strides[RN_MAX_DIMS], a_strides[RN_MAX_DIMS], b_strides[RN_MAX_DIMS];
  const int32_t* condition;
  const void *a, *b;
  void* y;
} RnWhere;
// The gradient of one operand, that chosen where the condition is nonzero (`chosen` 1) or zero (0):
// dx has the operand's own dense shape, dy is summed over its broadcast axes. What was not chosen
// gets exactly zero.
typedef struct RnWhereBackward {
  int32_t chosen;
  int32_t dims;
  int64_t shape[RN_MAX_DIMS];
  int64_t condition_strides[RN_MAX_DIMS], x_strides[RN_MAX_DIMS];
  int64_t x_size;  // elements of dx
  const int32_t* condition;
  const void* dy;  // dense over `shape`
  RnGrad dx;
} RnWhereBackward;

// y[n, ids[n]] = 1, 0 elsewhere. y: [rows, classes]. Ids outside 0..classes-1: RN_ERR_INDEX.
typedef struct RnOneHot {
  int64_t rows, classes;
  const int32_t* ids;
  void* y;
} RnOneHot;

// y[n] = x[n], rounded where float cannot hold it.
typedef struct RnToReal {
  int64_t n;
  const int32_t* x;
  void* y;
} RnToReal;

#endif  // RNNATIVE_ABI_ARGS_SELECT_H_

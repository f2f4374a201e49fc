// Filling, adding, random numbers; functions of one and of two elements.
#ifndef RNNATIVE_ABI_ARGS_ELEMENTWISE_H_
#define RNNATIVE_ABI_ARGS_ELEMENTWISE_H_

#include "native/abi/base.h"

typedef struct RnFill {
  void* y;
  int64_t n;
  double value;
} RnFill;  // y[n] = value
typedef struct RnAccumulate {
  void* y;
  const void* x;
  int64_t n;
} RnAccumulate;  // y[n] += x[n]
enum RnDistribution { RN_UNIFORM = 0, RN_NORMAL = 1 };
// uniform: [a, b) from a word's top 24 bits as (w >> 8) * 2^-24; normal: mean a, deviation b, by
// Box-Muller from word pairs (0,1) and (2,3): u1 = ((w0 >> 8) + 1) * 2^-24, u2 = (w1 >> 8) * 2^-24,
// sqrt(-2 ln u1) * {cos, sin}(2 pi u2). Both computed in double, then rounded; sample 0.
typedef struct RnRandomFill {
  void* y;
  int64_t n;
  int32_t distribution;
  double a, b;
  RnRandom random;
} RnRandomFill;

enum RnUnary {
  RN_NEG,
  RN_EXP,
  RN_LOG,
  RN_SQRT,
  RN_ABS,
  RN_SQUARE,
  RN_TANH,
  RN_SIGMOID,
  RN_RELU,
  RN_AFFINE,  // a * x + b
  RN_POW,     // x ^ a
  RN_CLAMP,   // min(max(x, a), b)
  RN_UNARY_COUNT
};
typedef struct RnUnaryArgs {
  int32_t op;
  int64_t n;
  const void* x;
  void* y;
  double a, b;
} RnUnaryArgs;
// dx (+)= dy * f'(x); y is the forward result. dx may alias nothing.
typedef struct RnUnaryBackward {
  int32_t op;
  int64_t n;
  const void *x, *y, *dy;
  RnGrad dx;
  double a, b;
} RnUnaryBackward;

enum RnBinary { RN_ADD, RN_SUB, RN_MUL, RN_DIV, RN_MAXIMUM, RN_MINIMUM, RN_BINARY_COUNT };
// y = f(a, b) over `shape`; strides are in elements, 0 along broadcast axes. y is dense.
typedef struct RnBinaryArgs {
  int32_t op;
  int32_t dims;
  int64_t shape[RN_MAX_DIMS];
  int64_t a_strides[RN_MAX_DIMS], b_strides[RN_MAX_DIMS];
  const void *a, *b;
  void* y;
} RnBinaryArgs;
// da, db have the operands' own (dense) shapes: gradients are summed over broadcast axes. Ties of
// maximum/minimum split the gradient in halves, as PyTorch does.
typedef struct RnBinaryBackward {
  int32_t op;
  int32_t dims;
  int64_t shape[RN_MAX_DIMS];
  int64_t a_strides[RN_MAX_DIMS], b_strides[RN_MAX_DIMS];
  int64_t a_size, b_size;  // elements of each operand
  const void *a, *b, *dy;
  RnGrad da, db;
} RnBinaryBackward;

#endif  // RNNATIVE_ABI_ARGS_ELEMENTWISE_H_

// Matrix products, and the sums of columns that are the gradients of biases.
#ifndef RNNATIVE_ABI_ARGS_MATMUL_H_
#define RNNATIVE_ABI_ARGS_MATMUL_H_

#include "native/abi/base.h"

// c[g] (+)= op(a[g]) * op(b[g]) (+ bias over columns), g < groups.
// a: [groups, M, K] ([K, M] if trans_a); b: [groups, K, N] ([N, K] if trans_b); c: [groups, M, N].
// weight_b: b is a parameter whose packed form may be cached (groups = 1), else id 0.
typedef struct RnMatmul {
  int64_t groups, m, n, k;
  int32_t trans_a, trans_b;
  const void* a;
  RnWeight b;
  const void* bias;  // bias: [N] or NULL
  RnGrad c;
  int32_t precision;  // RnPrecision; of the product, not of the bias
} RnMatmul;
// y (+)= column sums of x: [rows, columns] -> [columns]. Bias gradients.
typedef struct RnColumnSum {
  int64_t rows, columns;
  const void* x;
  RnGrad y;
} RnColumnSum;

#endif  // RNNATIVE_ABI_ARGS_MATMUL_H_

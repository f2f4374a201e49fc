// Random orthogonal matrices.
#ifndef RNNATIVE_ABI_ARGS_ORTHOGONAL_H_
#define RNNATIVE_ABI_ARGS_ORTHOGONAL_H_

#include "native/abi/base.h"

// Each block's rows (columns, where rows > columns) become orthonormal vectors times gain,
// uniformly distributed (Mezzadri 2007). Block k starts from standard normals in double, those of
// RN_NORMAL at step `random.step + k`, as vectors [min(rows, columns), max(rows, columns)]; each
// vector keeps what is orthogonal to those before it, and its direction. All in double, rounded
// once at the end.
typedef struct RnOrthogonal {
  int64_t blocks, rows, columns;
  double gain;
  RnRandom random;
  void* y;  // [blocks, rows, columns]
} RnOrthogonal;

#endif  // RNNATIVE_ABI_ARGS_ORTHOGONAL_H_

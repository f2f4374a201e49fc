#ifndef RNNATIVE_REFERENCE_RECURRENT_CELLS_AFFINE_H_
#define RNNATIVE_REFERENCE_RECURRENT_CELLS_AFFINE_H_

#include <cstdint>

#include "native/abi/int8.h"
#include "native/reference/int8.h"

namespace rnnative::reference {

// How a product is formed. cut: where x has two parts that int8 quantises apart, else 0.
struct Arithmetic {
  int32_t precision;
  int64_t cut;
};

// y = W x + b. w: [rows, columns]; b may be NULL.
inline void affine(const Arithmetic& by, const double* w, const double* b, const double* x,
                   int64_t rows, int64_t columns, double* y) {
  if (by.precision == RN_PRECISION_INT8)
    return affine_int8(w, b, x, rows, columns, by.cut > 0 ? by.cut : columns, y);
  for (int64_t i = 0; i < rows; ++i) {
    y[i] = b ? b[i] : 0;
    for (int64_t j = 0; j < columns; ++j) y[i] += w[i * columns + j] * x[j];
  }
}

// Adds the gradients of affine; dw, db, dx may be NULL.
inline void affine_backward(const double* w, const double* x, const double* dy, int64_t rows,
                            int64_t columns, double* dw, double* db, double* dx) {
  for (int64_t i = 0; i < rows; ++i) {
    if (db) db[i] += dy[i];
    for (int64_t j = 0; j < columns; ++j) {
      if (dw) dw[i * columns + j] += dy[i] * x[j];
      if (dx) dx[j] += dy[i] * w[i * columns + j];
    }
  }
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_CELLS_AFFINE_H_

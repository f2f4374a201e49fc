// Random orthogonal matrices by Gram-Schmidt, done twice over ("twice is enough": Giraud et al.
// 2005).
#include <algorithm>
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

RN_DECLARE_OPS

namespace {

// v[count][length], made orthonormal.
void orthonormalise(double* v, int64_t count, int64_t length) {
  for (int64_t i = 0; i < count; ++i) {
    double* current = v + i * length;
    for (int round = 0; round < 2; ++round) {
      for (int64_t j = 0; j < i; ++j) {
        const double* other = v + j * length;
        double dot = 0;
        for (int64_t k = 0; k < length; ++k) dot += current[k] * other[k];
        for (int64_t k = 0; k < length; ++k) current[k] -= dot * other[k];
      }
    }
    double squares = 0;
    for (int64_t k = 0; k < length; ++k) squares += current[k] * current[k];
    for (int64_t k = 0; k < length; ++k) current[k] /= std::sqrt(squares);
  }
}

}  // namespace

int32_t orthogonal(RnContext* context, const RnOrthogonal* args) {
  return guarded(context, [&] {
    const int64_t rows = args->rows, columns = args->columns;
    const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    double* v = scratch(context, rows * columns);
    for (int64_t block = 0; block < args->blocks; ++block) {
      RnRandomFill normals = {v, rows * columns, RN_NORMAL, 0, 1, args->random};
      normals.random.step += static_cast<uint64_t>(block);
      random_fill(context, &normals);
      orthonormalise(v, count, length);
      double* y = real(args->y) + block * rows * columns;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          y[r * columns + c] =
              args->gain * (rows <= columns ? v[r * length + c] : v[c * length + r]);
    }
  });
}

}  // namespace rnnative::reference

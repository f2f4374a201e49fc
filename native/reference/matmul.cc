// Matrix products with optional transposition and bias, and column sums (their bias gradient).
#include "native/abi/backend.h"
#include "native/abi/int8.h"
#include "native/reference/int8.h"
#include "native/reference/support.h"

namespace rnnative::reference {

namespace {

// Of `linear`, which alone has it.
int32_t matmul_int8(const RnMatmul* args, double* c) {
  if (args->groups != 1 || args->trans_a || !args->trans_b) return RN_ERR_UNSUPPORTED;
  const int64_t n = args->n, k = args->k;
  std::vector<double> y(static_cast<size_t>(n));
  for (int64_t i = 0; i < args->m; ++i) {
    affine_int8(real(args->b.data), real(args->bias), real(args->a) + i * k, n, k, k, y.data());
    for (int64_t j = 0; j < n; ++j) c[i * n + j] += y[static_cast<size_t>(j)];
  }
  return RN_OK;
}

}  // namespace

int32_t matmul(RnContext*, const RnMatmul* args) {
  const int64_t m = args->m, n = args->n, k = args->k;
  double* c = open(args->c, args->groups * m * n);
  if (c == nullptr) return RN_OK;
  if (args->precision == RN_PRECISION_INT8) return matmul_int8(args, c);
  for (int64_t g = 0; g < args->groups; ++g) {
    const double* a = real(args->a) + g * m * k;
    const double* b = real(args->b.data) + g * k * n;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = args->bias ? real(args->bias)[j] : 0;
        for (int64_t l = 0; l < k; ++l) {
          sum += (args->trans_a ? a[l * m + i] : a[i * k + l]) *
                 (args->trans_b ? b[j * k + l] : b[l * n + j]);
        }
        c[(g * m + i) * n + j] += sum;
      }
    }
  }
  return RN_OK;
}

int32_t column_sum(RnContext*, const RnColumnSum* args) {
  double* y = open(args->y, args->columns);
  if (y == nullptr) return RN_OK;
  for (int64_t i = 0; i < args->rows; ++i)
    for (int64_t j = 0; j < args->columns; ++j) y[j] += real(args->x)[i * args->columns + j];
  return RN_OK;
}

}  // namespace rnnative::reference

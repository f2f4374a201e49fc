// Elementwise functions of one and two operands. NaN propagates through every one of them, also
// through relu, clamp, maximum and minimum, as in PyTorch.
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/strides.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

double unary_value(int32_t op, double x, double a, double b) {
  switch (op) {
    case RN_NEG:
      return -x;
    case RN_EXP:
      return std::exp(x);
    case RN_LOG:
      return std::log(x);
    case RN_SQRT:
      return std::sqrt(x);
    case RN_ABS:
      return std::fabs(x);
    case RN_SQUARE:
      return x * x;
    case RN_TANH:
      return std::tanh(x);
    case RN_SIGMOID:
      return 1 / (1 + std::exp(-x));
    case RN_RELU:
      return x < 0 ? 0 : x;
    case RN_AFFINE:
      return a * x + b;
    case RN_POW:
      return std::pow(x, a);
    case RN_CLAMP:
      return x < a ? a : x > b ? b : x;
  }
  return NAN;
}

double unary_slope(int32_t op, double x, double y, double a, double b) {
  switch (op) {
    case RN_NEG:
      return -1;
    case RN_EXP:
      return y;
    case RN_LOG:
      return 1 / x;
    case RN_SQRT:
      return 0.5 / y;
    case RN_ABS:
      return x > 0 ? 1 : x < 0 ? -1 : 0;
    case RN_SQUARE:
      return 2 * x;
    case RN_TANH:
      return 1 - y * y;
    case RN_SIGMOID:
      return y * (1 - y);
    case RN_RELU:
      return x > 0 ? 1 : 0;
    case RN_AFFINE:
      return a;
    case RN_POW:
      return a == 0 ? 0 : a * std::pow(x, a - 1);
    case RN_CLAMP:
      return x >= a && x <= b ? 1 : 0;
  }
  return NAN;
}

double binary_value(int32_t op, double a, double b) {
  switch (op) {
    case RN_ADD:
      return a + b;
    case RN_SUB:
      return a - b;
    case RN_MUL:
      return a * b;
    case RN_DIV:
      return a / b;
    case RN_MAXIMUM:
      return std::isnan(a) || a > b ? a : b;
    case RN_MINIMUM:
      return std::isnan(a) || a < b ? a : b;
  }
  return NAN;
}

struct Slopes {
  double a, b;
};

Slopes binary_slopes(int32_t op, double a, double b) {
  switch (op) {
    case RN_ADD:
      return {1, 1};
    case RN_SUB:
      return {1, -1};
    case RN_MUL:
      return {b, a};
    case RN_DIV:
      return {1 / b, -a / (b * b)};
    case RN_MAXIMUM:
      return a == b ? Slopes{0.5, 0.5} : a > b ? Slopes{1, 0} : Slopes{0, 1};
    case RN_MINIMUM:
      return a == b ? Slopes{0.5, 0.5} : a < b ? Slopes{1, 0} : Slopes{0, 1};
  }
  return {NAN, NAN};
}

}  // namespace

int32_t fill(RnContext*, const RnFill* args) {
  std::fill_n(real(args->y), args->n, args->value);
  return RN_OK;
}

int32_t accumulate(RnContext*, const RnAccumulate* args) {
  for (int64_t i = 0; i < args->n; ++i) real(args->y)[i] += real(args->x)[i];
  return RN_OK;
}

int32_t unary(RnContext*, const RnUnaryArgs* args) {
  for (int64_t i = 0; i < args->n; ++i)
    real(args->y)[i] = unary_value(args->op, real(args->x)[i], args->a, args->b);
  return RN_OK;
}

int32_t unary_backward(RnContext*, const RnUnaryBackward* args) {
  double* dx = open(args->dx, args->n);
  if (dx == nullptr) return RN_OK;
  for (int64_t i = 0; i < args->n; ++i) {
    const double slope =
        unary_slope(args->op, real(args->x)[i], real(args->y)[i], args->a, args->b);
    dx[i] += real(args->dy)[i] * slope;
  }
  return RN_OK;
}

int32_t binary(RnContext*, const RnBinaryArgs* args) {
  const double *a = real(args->a), *b = real(args->b);
  double* y = real(args->y);
  for_each_index(args->dims, args->shape, [&](int64_t i, const int64_t* index) {
    y[i] = binary_value(args->op, a[offset_of(args->dims, index, args->a_strides)],
                        b[offset_of(args->dims, index, args->b_strides)]);
  });
  return RN_OK;
}

int32_t binary_backward(RnContext*, const RnBinaryBackward* args) {
  const double *a = real(args->a), *b = real(args->b), *dy = real(args->dy);
  double* da = open(args->da, args->a_size);
  double* db = open(args->db, args->b_size);
  for_each_index(args->dims, args->shape, [&](int64_t i, const int64_t* index) {
    const int64_t at_a = offset_of(args->dims, index, args->a_strides);
    const int64_t at_b = offset_of(args->dims, index, args->b_strides);
    const Slopes slopes = binary_slopes(args->op, a[at_a], b[at_b]);
    if (da) da[at_a] += dy[i] * slopes.a;
    if (db) db[at_b] += dy[i] * slopes.b;
  });
  return RN_OK;
}

}  // namespace rnnative::reference

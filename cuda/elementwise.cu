// Functions of one and two operands, and their gradients; bound by memory, so each is one pass with
// 16-byte accesses where possible. The choice among functions is made for each element: it is the
// same for all threads, and cheap beside the memory it hides behind. NaN propagates through every
// one of them, also through relu, clamp, maximum and minimum, as in PyTorch. Gradients of broadcast
// operands are sums, over the axes along which the operand repeats (core/broadcast.cuh).
#include <cmath>

#include "cuda/core/broadcast.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

__device__ __forceinline__ float unary_value(int32_t op, float x, float a, float b) {
  switch (op) {
    case RN_NEG:
      return -x;
    case RN_EXP:
      return expf(x);
    case RN_LOG:
      return logf(x);
    case RN_SQRT:
      return sqrtf(x);
    case RN_ABS:
      return fabsf(x);
    case RN_SQUARE:
      return x * x;
    case RN_TANH:
      return tanhf(x);
    case RN_SIGMOID:
      return 1 / (1 + expf(-x));
    case RN_RELU:
      return x < 0 ? 0 : x;
    case RN_AFFINE:
      return a * x + b;
    case RN_POW:
      return powf(x, a);
    case RN_CLAMP:
      return x < a ? a : x > b ? b : x;
  }
  return NAN;
}

// dy * f'(x); x and y are only given where `needs_x` and `needs_y` say so.
__device__ __forceinline__ float unary_slope(int32_t op, float x, float y, float dy, float a,
                                             float b) {
  switch (op) {
    case RN_NEG:
      return -dy;
    case RN_EXP:
      return dy * y;
    case RN_LOG:
      return dy / x;
    case RN_SQRT:
      return dy / (2 * y);
    case RN_ABS:
      return x > 0 ? dy : x < 0 ? -dy : 0;
    case RN_SQUARE:
      return 2 * x * dy;
    case RN_TANH:
      return dy * (1 - y * y);
    case RN_SIGMOID:
      return dy * (y * (1 - y));
    case RN_RELU:
      return y <= 0 ? 0 : dy;
    case RN_AFFINE:
      return a * dy;
    case RN_POW:
      return a == 0 ? 0 : dy * a * powf(x, a - 1);
    case RN_CLAMP:
      return x >= a && x <= b ? dy : 0;
  }
  return NAN;
}

constexpr bool needs_x(int32_t op) {
  return op == RN_LOG || op == RN_ABS || op == RN_SQUARE || op == RN_POW || op == RN_CLAMP;
}
constexpr bool needs_y(int32_t op) {
  return op == RN_EXP || op == RN_SQRT || op == RN_TANH || op == RN_SIGMOID || op == RN_RELU;
}

template <int kWidth>
__global__ void unary_kernel(int32_t op, int64_t n, const float* x, float* y, float a, float b) {
  for (int64_t i = first_index() * kWidth; i < n; i += index_stride() * kWidth) {
    Floats<kWidth> v = load<kWidth>(x + i, n - i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) v.at[j] = unary_value(op, v.at[j], a, b);
    store<kWidth>(y + i, v, n - i);
  }
}

// x, y: null where not needed.
template <int kWidth>
__global__ void unary_backward_kernel(int32_t op, int64_t n, const float* x, const float* y,
                                      const float* dy, RnGrad dx, float a, float b) {
  for (int64_t i = first_index() * kWidth; i < n; i += index_stride() * kWidth) {
    Floats<kWidth> v = load<kWidth>(dy + i, n - i), at_x = {}, at_y = {};
    if (x != nullptr) at_x = load<kWidth>(x + i, n - i);
    if (y != nullptr) at_y = load<kWidth>(y + i, n - i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j)
      v.at[j] = unary_slope(op, at_x.at[j], at_y.at[j], v.at[j], a, b);
    put<kWidth>(dx, i, v, n - i);
  }
}

__device__ __forceinline__ float binary_value(int32_t op, float a, float b) {
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
      return a != a || a > b ? a : b;
    case RN_MINIMUM:
      return a != a || a < b ? a : b;
  }
  return NAN;
}

// Whether derivatives depend on a and b.
__device__ __forceinline__ bool needs_operands(int32_t op) {
  return op != RN_ADD && op != RN_SUB;
}

// The derivative by a, or (of_b) by b. Ties of maximum and minimum split it in halves.
__device__ __forceinline__ float binary_slope(int32_t op, bool of_b, float a, float b) {
  switch (op) {
    case RN_ADD:
      return 1;
    case RN_SUB:
      return of_b ? -1 : 1;
    case RN_MUL:
      return of_b ? a : b;
    case RN_DIV:
      return of_b ? -a / (b * b) : 1 / b;
    case RN_MAXIMUM:
      return a == b ? 0.5f : (a > b) != of_b ? 1 : 0;
    case RN_MINIMUM:
      return a == b ? 0.5f : (a < b) != of_b ? 1 : 0;
  }
  return NAN;
}

// Operands: a, b, y.
struct Binary {
  int32_t op;
  const float *a, *b;
  float* y;

  template <int kWidth>
  __device__ __forceinline__ void run(const int64_t (&at)[3], const int64_t (&strides)[3],
                                      int64_t count) const {
    Floats<kWidth> left = load_strided<kWidth>(a + at[0], strides[0], count);
    const Floats<kWidth> right = load_strided<kWidth>(b + at[1], strides[1], count);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) left.at[j] = binary_value(op, left.at[j], right.at[j]);
    store<kWidth>(y + at[2], left, count);
  }
};

// Operands: a, b, dy, as are da and db, of which those of broadcast operands are skipped.
struct BinarySlopes {
  int32_t op;
  const float *a, *b, *dy;
  RnGrad da, db;

  template <int kWidth>
  __device__ __forceinline__ void run(const int64_t (&at)[3], const int64_t (&strides)[3],
                                      int64_t count) const {
    Floats<kWidth> left = {}, right = {};
    if (needs_operands(op)) {
      left = load_strided<kWidth>(a + at[0], strides[0], count);
      right = load_strided<kWidth>(b + at[1], strides[1], count);
    }
    const Floats<kWidth> up = load<kWidth>(dy + at[2], count);
    Floats<kWidth> of_a, of_b;
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      of_a.at[j] = up.at[j] * binary_slope(op, false, left.at[j], right.at[j]);
      of_b.at[j] = up.at[j] * binary_slope(op, true, left.at[j], right.at[j]);
    }
    put<kWidth>(da, at[2], of_a, count);
    put<kWidth>(db, at[2], of_b, count);
  }
};

// The gradient of one operand, summed over the axes along which it repeats.
struct BroadcastSum {
  static constexpr int kOutputs = 1;
  struct Place {
    int64_t a, b, dy;
  };
  int32_t op;
  bool of_b;
  const float *a, *b, *dy;
  Walk<3> kept, reduced;  // of a, b, dy

  __device__ __forceinline__ Place place(int64_t k) const {
    int64_t at[3];
    kept.locate(k, kept.dims, at);
    return {at[0], at[1], at[2]};
  }
  __device__ __forceinline__ void add(const Place& place, int64_t r, float (&sums)[1]) const {
    int64_t at[3];
    reduced.locate(r, reduced.dims, at);
    float left = 0, right = 0;
    if (needs_operands(op)) {
      left = a[place.a + at[0]];
      right = b[place.b + at[1]];
    }
    sums[0] += dy[place.dy + at[2]] * binary_slope(op, of_b, left, right);
  }
};

}  // namespace

int32_t unary(RnContext* ctx, const RnUnaryArgs* args) {
  if (args->op < 0 || args->op >= RN_UNARY_COUNT) return RN_ERR_UNSUPPORTED;
  const auto* x = static_cast<const float*>(args->x);
  auto* y = static_cast<float*>(args->y);
  const bool wide = aligned(x, y);
  return launch(ctx, over(ceil_div(args->n, wide ? kWide : 1)),
                wide ? unary_kernel<kWide> : unary_kernel<1>, args->op, args->n, x, y,
                static_cast<float>(args->a), static_cast<float>(args->b));
}

int32_t unary_backward(RnContext* ctx, const RnUnaryBackward* args) {
  if (args->op < 0 || args->op >= RN_UNARY_COUNT) return RN_ERR_UNSUPPORTED;
  if (args->dx.mode == RN_GRAD_SKIP) return RN_OK;
  const auto* x = needs_x(args->op) ? static_cast<const float*>(args->x) : nullptr;
  const auto* y = needs_y(args->op) ? static_cast<const float*>(args->y) : nullptr;
  const auto* dy = static_cast<const float*>(args->dy);
  const bool wide = aligned(x, y, dy, args->dx.data);
  return launch(ctx, over(ceil_div(args->n, wide ? kWide : 1)),
                wide ? unary_backward_kernel<kWide> : unary_backward_kernel<1>, args->op, args->n,
                x, y, dy, args->dx, static_cast<float>(args->a), static_cast<float>(args->b));
}

int32_t binary(RnContext* ctx, const RnBinaryArgs* args) {
  if (args->op < 0 || args->op >= RN_BINARY_COUNT) return RN_ERR_UNSUPPORTED;
  const Walk<3> walk = walk_of(args->dims, args->shape, args->a_strides, args->b_strides);
  const Binary body = {args->op, static_cast<const float*>(args->a),
                       static_cast<const float*>(args->b), static_cast<float*>(args->y)};
  const bool wide = walk.wide(0, body.a) && walk.wide(1, body.b) && walk.wide(2, body.y);
  return walk_all(ctx, walk, wide, body);
}

int32_t binary_backward(RnContext* ctx, const RnBinaryBackward* args) {
  if (args->op < 0 || args->op >= RN_BINARY_COUNT) return RN_ERR_UNSUPPORTED;
  const Walk<3> walk = walk_of(args->dims, args->shape, args->a_strides, args->b_strides);
  const auto* a = static_cast<const float*>(args->a);
  const auto* b = static_cast<const float*>(args->b);
  const auto* dy = static_cast<const float*>(args->dy);
  const RnGrad none = {nullptr, RN_GRAD_SKIP};
  const RnGrad* grads[2] = {&args->da, &args->db};
  BinarySlopes dense = {args->op, a, b, dy, none, none};
  for (int operand = 0; operand < 2; ++operand) {
    const RnGrad& grad = *grads[operand];
    if (grad.mode == RN_GRAD_SKIP) continue;
    if (!repeats(walk, operand)) {
      (operand == 0 ? dense.da : dense.db) = grad;
      continue;
    }
    const BroadcastSum sum = {args->op, operand == 1, a, b, dy, {}, {}};
    const int32_t status = sum_broadcast(ctx, walk, sum, operand, grad);
    if (status != RN_OK) return status;
  }
  if (dense.da.mode == RN_GRAD_SKIP && dense.db.mode == RN_GRAD_SKIP) return RN_OK;
  const bool wide = walk.wide(0, a) && walk.wide(1, b) && walk.wide(2, dy) &&
                    aligned(dense.da.data, dense.db.data);
  return walk_all(ctx, walk, wide, dense);
}

}  // namespace rnnative::cuda

// Unary functions and their gradients. Each function is a small type with `value` and `slope`; one
// template turns it into the loops, so that the choice of function is made once a call.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"
#include "native/cpu/simd/math.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct Constants {
  vf a, b;
};

// value(x): f(x). slope(x, y, dy): dy * f'(x), where y = f(x).
struct Neg {
  static RN_INLINE vf value(vf x, const Constants&) { return -x; }
  static RN_INLINE vf slope(vf, vf, vf dy, const Constants&) { return -dy; }
};
struct Exp {
  static RN_INLINE vf value(vf x, const Constants&) { return exp(x); }
  static RN_INLINE vf slope(vf, vf y, vf dy, const Constants&) { return dy * y; }
};
struct Log {
  static RN_INLINE vf value(vf x, const Constants&) { return log(x); }
  static RN_INLINE vf slope(vf x, vf, vf dy, const Constants&) { return dy / x; }
};
struct Sqrt {
  static RN_INLINE vf value(vf x, const Constants&) { return sqrt(x); }
  static RN_INLINE vf slope(vf, vf y, vf dy, const Constants&) { return dy / (2.0f * y); }
};
struct Abs {
  static RN_INLINE vf value(vf x, const Constants&) { return abs(x); }
  static RN_INLINE vf slope(vf x, vf, vf dy, const Constants&) {
    return select(x > zero(), dy, select(x < zero(), -dy, zero()));
  }
};
struct Square {
  static RN_INLINE vf value(vf x, const Constants&) { return x * x; }
  static RN_INLINE vf slope(vf x, vf, vf dy, const Constants&) { return 2.0f * x * dy; }
};
struct Tanh {
  static RN_INLINE vf value(vf x, const Constants&) { return tanh(x); }
  static RN_INLINE vf slope(vf, vf y, vf dy, const Constants&) { return dy * (1.0f - y * y); }
};
struct Sigmoid {
  static RN_INLINE vf value(vf x, const Constants&) { return sigmoid(x); }
  static RN_INLINE vf slope(vf, vf y, vf dy, const Constants&) { return dy * y * (1.0f - y); }
};
struct Relu {
  // NaN stays, as in PyTorch.
  static RN_INLINE vf value(vf x, const Constants&) { return max(zero(), x); }
  static RN_INLINE vf slope(vf, vf y, vf dy, const Constants&) {
    return select(y <= zero(), zero(), dy);
  }
};
struct Affine {
  static RN_INLINE vf value(vf x, const Constants& c) { return fma(c.a, x, c.b); }
  static RN_INLINE vf slope(vf, vf, vf dy, const Constants& c) { return c.a * dy; }
};
struct Pow {
  // By lanes: a power formed as exp(a log x) would lose digits, and this op is rare.
  static RN_INLINE vf power(vf x, float a) {
    for (int i = 0; i < kLanes; ++i) x[i] = powf(x[i], a);
    return x;
  }
  static RN_INLINE vf value(vf x, const Constants& c) { return power(x, c.a[0]); }
  static RN_INLINE vf slope(vf x, vf, vf dy, const Constants& c) {
    if (c.a[0] == 0) return zero();
    return dy * c.a * power(x, c.a[0] - 1);
  }
};
struct Clamp {
  // NaN stays; so does the gradient at the bounds themselves.
  static RN_INLINE vf value(vf x, const Constants& c) { return min(c.b, max(c.a, x)); }
  static RN_INLINE vf slope(vf x, vf, vf dy, const Constants& c) {
    return select((x >= c.a) & (x <= c.b), dy, zero());
  }
};

template <class F>
void forward(RnContext* ctx, const RnUnaryArgs* args) {
  const float* x = (const float*)args->x;
  float* y = (float*)args->y;
  const Constants c = {splat((float)args->a), splat((float)args->b)};
  parallel_elements(ctx, args->n, [=](int64_t begin, int64_t end) {
    each_vector(begin, end,
                [=](int64_t i, auto at) { at.store(y + i, F::value(at.load(x + i), c)); });
  });
}

template <class F, bool kAdd>
void backward_as(RnContext* ctx, const RnUnaryBackward* args) {
  const float* x = (const float*)args->x;
  const float* y = (const float*)args->y;
  const float* dy = (const float*)args->dy;
  float* dx = (float*)args->dx.data;
  const Constants c = {splat((float)args->a), splat((float)args->b)};
  parallel_elements(ctx, args->n, [=](int64_t begin, int64_t end) {
    each_vector(begin, end, [=](int64_t i, auto at) {
      const vf slope =
          F::slope(x ? at.load(x + i) : zero(), y ? at.load(y + i) : zero(), at.load(dy + i), c);
      put<kAdd>(at, dx + i, slope);
    });
  });
}

template <class F>
void backward(RnContext* ctx, const RnUnaryBackward* args) {
  if (args->dx.mode == RN_GRAD_ADD) {
    backward_as<F, true>(ctx, args);
  } else {
    backward_as<F, false>(ctx, args);
  }
}

}  // namespace

int32_t unary(RnContext* ctx, const RnUnaryArgs* args) {
  static constexpr void (*kForward[RN_UNARY_COUNT])(RnContext*, const RnUnaryArgs*) = {
      forward<Neg>,  forward<Exp>,    forward<Log>,  forward<Sqrt>,
      forward<Abs>,  forward<Square>, forward<Tanh>, forward<Sigmoid>,
      forward<Relu>, forward<Affine>, forward<Pow>,  forward<Clamp>};
  if (args->op < 0 || args->op >= RN_UNARY_COUNT) return RN_ERR_UNSUPPORTED;
  kForward[args->op](ctx, args);
  return RN_OK;
}

int32_t unary_backward(RnContext* ctx, const RnUnaryBackward* args) {
  static constexpr void (*kBackward[RN_UNARY_COUNT])(RnContext*, const RnUnaryBackward*) = {
      backward<Neg>,  backward<Exp>,    backward<Log>,  backward<Sqrt>,
      backward<Abs>,  backward<Square>, backward<Tanh>, backward<Sigmoid>,
      backward<Relu>, backward<Affine>, backward<Pow>,  backward<Clamp>};
  if (args->op < 0 || args->op >= RN_UNARY_COUNT) return RN_ERR_UNSUPPORTED;
  if (args->dx.mode != RN_GRAD_SKIP) kBackward[args->op](ctx, args);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

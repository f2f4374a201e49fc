// Optimizer updates over flat arenas. They are bound by memory, so each is one pass that reads the
// gradient once, applies clipping and weight decay on the way, and writes parameter and state once;
// the loops are plain and left to the compiler's vectoriser. Clipping needs no pass of its own: the
// norm is read here, on the engine, so the host never waits for it, and a norm that is not finite
// leaves everything untouched. The formulas, their order included, are those of torch.optim.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

void sgd(const RnOptimizerStep& s, float scale, int64_t begin, int64_t end) {
  float* __restrict p = (float*)s.param;
  const float* __restrict grad = (const float*)s.grad;
  float* __restrict buffer = (float*)s.state[0];
  const float decay = (float)s.weight_decay, lr = (float)s.lr;
  const float momentum = (float)s.momentum, keep = (float)(1 - s.dampening);
  if (momentum == 0) {
    for (int64_t i = begin; i < end; ++i) p[i] -= lr * (grad[i] * scale + decay * p[i]);
    return;
  }
  const bool first = s.step == 1, nesterov = s.nesterov;
  for (int64_t i = begin; i < end; ++i) {
    float g = grad[i] * scale + decay * p[i];
    float b = first ? g : momentum * buffer[i] + keep * g;
    buffer[i] = b;
    p[i] -= lr * (nesterov ? g + momentum * b : b);
  }
}

template <bool kDecoupled>
void adam(const RnOptimizerStep& s, float scale, int64_t begin, int64_t end) {
  float* __restrict p = (float*)s.param;
  const float* __restrict grad = (const float*)s.grad;
  float* __restrict m = (float*)s.state[0];
  float* __restrict v = (float*)s.state[1];
  const float eps = (float)s.eps;
  const float decay = kDecoupled ? 0 : (float)s.weight_decay;
  const float shrink = kDecoupled ? (float)(1 - s.lr * s.weight_decay) : 1;
  const float beta2 = (float)s.beta2, mix1 = (float)(1 - s.beta1), mix2 = (float)(1 - s.beta2);
  const float rate = (float)(s.lr / (1 - ::pow(s.beta1, (double)s.step)));
  const float unbias = (float)(1 / ::sqrt(1 - ::pow(s.beta2, (double)s.step)));
  for (int64_t i = begin; i < end; ++i) {
    float g = grad[i] * scale + decay * p[i];
    float mi = m[i] + mix1 * (g - m[i]);
    float vi = beta2 * v[i] + mix2 * g * g;
    m[i] = mi;
    v[i] = vi;
    p[i] = shrink * p[i] - rate * mi / (__builtin_sqrtf(vi) * unbias + eps);
  }
}

void rmsprop(const RnOptimizerStep& s, float scale, int64_t begin, int64_t end) {
  float* __restrict p = (float*)s.param;
  const float* __restrict grad = (const float*)s.grad;
  float* __restrict v = (float*)s.state[0];
  float* __restrict buffer = (float*)s.state[1];
  float* __restrict mean = (float*)s.state[2];
  const float decay = (float)s.weight_decay, lr = (float)s.lr, eps = (float)s.eps;
  const float alpha = (float)s.alpha, mix = (float)(1 - s.alpha), momentum = (float)s.momentum;
  const bool centered = s.centered, heavy = momentum > 0;
  for (int64_t i = begin; i < end; ++i) {
    float g = grad[i] * scale + decay * p[i];
    float vi = alpha * v[i] + mix * g * g;
    v[i] = vi;
    if (centered) {
      float mi = mean[i] + mix * (g - mean[i]);
      mean[i] = mi;
      vi -= mi * mi;
    }
    float update = g / (__builtin_sqrtf(vi) + eps);
    if (heavy) {
      update += momentum * buffer[i];
      buffer[i] = update;
    }
    p[i] -= lr * update;
  }
}

void adagrad(const RnOptimizerStep& s, float scale, int64_t begin, int64_t end) {
  float* __restrict p = (float*)s.param;
  const float* __restrict grad = (const float*)s.grad;
  float* __restrict sum = (float*)s.state[0];
  const float decay = (float)s.weight_decay, eps = (float)s.eps;
  const float rate = (float)(s.lr / (1 + (double)(s.step - 1) * s.lr_decay));
  for (int64_t i = begin; i < end; ++i) {
    float g = grad[i] * scale + decay * p[i];
    float t = sum[i] + g * g;
    sum[i] = t;
    p[i] -= rate * g / (__builtin_sqrtf(t) + eps);
  }
}

// The update of the row that row i of the gradient belongs to, as an arena of its own.
RnOptimizerStep of_row(const RnOptimizerStep& all, int64_t i) {
  RnOptimizerStep one = all;
  const int64_t from = i * all.features, to = all.rows[i] * all.features;
  one.grad = (const float*)all.grad + from;
  one.param = (float*)all.param + to;
  for (void*& state : one.state)
    if (state) state = (float*)state + to;
  return one;
}

}  // namespace

int32_t optimizer_step(RnContext* ctx, const RnOptimizerStep* args) {
  static constexpr void (*kUpdate[RN_OPTIMIZER_COUNT])(
      const RnOptimizerStep&, float, int64_t, int64_t) = {sgd, adam<false>, adam<true>, rmsprop,
                                                          adagrad};
  if (args->kind < 0 || args->kind >= RN_OPTIMIZER_COUNT) return RN_ERR_UNSUPPORTED;
  float scale = 1;
  if (args->norm) {
    const float norm = *(const float*)args->norm;
    if (!__builtin_isfinite(norm)) return RN_OK;
    if (args->clip_norm > 0) {
      const float clip = (float)args->clip_norm / (norm + 1e-6f);
      if (clip < 1) scale = clip;
    }
  }
  const auto update = kUpdate[args->kind];
  if (args->rows) {
    const int64_t features = args->features;
    parallel_items(ctx, args->n / features, features, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        if (args->rows[i] >= 0 && args->rows[i] < args->param_rows)
          update(of_row(*args, i), scale, 0, features);
    });
    return RN_OK;
  }
  parallel_elements(ctx, args->n, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kChunk)
      update(*args, scale, i, end - i < kChunk ? end : i + kChunk);
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

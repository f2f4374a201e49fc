// The updates of torch.optim under the same names, an element at a time.
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

// The state of element i; absent states (NULL arrays) are never touched.
double& state_of(const RnOptimizerStep& args, int which, int64_t i) {
  return real(args.state[which])[i];
}

double sgd(const RnOptimizerStep& args, int64_t i, double p, double g) {
  g += args.weight_decay * p;
  if (args.momentum == 0) return p - args.lr * g;
  double& buffer = state_of(args, 0, i);
  buffer = args.step == 1 ? g : args.momentum * buffer + (1 - args.dampening) * g;
  return p - args.lr * (args.nesterov ? g + args.momentum * buffer : buffer);
}

// Kingma and Ba 2015; with `decoupled` weight decay, Loshchilov and Hutter 2019.
double adam(const RnOptimizerStep& args, int64_t i, double p, double g, bool decoupled) {
  if (decoupled) {
    p *= 1 - args.lr * args.weight_decay;
  } else {
    g += args.weight_decay * p;
  }
  double &m = state_of(args, 0, i), &v = state_of(args, 1, i);
  m = args.beta1 * m + (1 - args.beta1) * g;
  v = args.beta2 * v + (1 - args.beta2) * g * g;
  const double step = static_cast<double>(args.step);
  const double m_hat = m / (1 - std::pow(args.beta1, step));
  const double v_hat = v / (1 - std::pow(args.beta2, step));
  return p - args.lr * m_hat / (std::sqrt(v_hat) + args.eps);
}

// Hinton's lecture 6e; centered: Graves 2013.
double rmsprop(const RnOptimizerStep& args, int64_t i, double p, double g) {
  g += args.weight_decay * p;
  double& v = state_of(args, 0, i);
  v = args.alpha * v + (1 - args.alpha) * g * g;
  double variance = v;
  if (args.centered) {
    double& average = state_of(args, 2, i);
    average = args.alpha * average + (1 - args.alpha) * g;
    variance -= average * average;
  }
  const double update = g / (std::sqrt(variance) + args.eps);
  if (args.momentum == 0) return p - args.lr * update;
  double& buffer = state_of(args, 1, i);
  buffer = args.momentum * buffer + update;
  return p - args.lr * buffer;
}

// Duchi et al. 2011.
double adagrad(const RnOptimizerStep& args, int64_t i, double p, double g) {
  g += args.weight_decay * p;
  double& sum = state_of(args, 0, i);
  sum += g * g;
  const double lr = args.lr / (1 + static_cast<double>(args.step - 1) * args.lr_decay);
  return p - lr * g / (std::sqrt(sum) + args.eps);
}

double updated(const RnOptimizerStep& args, int64_t i, double p, double g) {
  switch (args.kind) {
    case RN_SGD:
      return sgd(args, i, p, g);
    case RN_ADAM:
      return adam(args, i, p, g, false);
    case RN_ADAMW:
      return adam(args, i, p, g, true);
    case RN_RMSPROP:
      return rmsprop(args, i, p, g);
    case RN_ADAGRAD:
      return adagrad(args, i, p, g);
  }
  return NAN;
}

}  // namespace

int32_t global_norm(RnContext*, const RnGlobalNorm* args) {
  double sum = 0;
  for (int32_t a = 0; a < args->arenas; ++a)
    for (int64_t i = 0; i < args->n[a]; ++i) sum += real(args->g[a])[i] * real(args->g[a])[i];
  *real(args->norm) = std::sqrt(sum);
  return RN_OK;
}

int32_t optimizer_step(RnContext*, const RnOptimizerStep* args) {
  double scale = 1;
  if (args->norm) {
    const double norm = *real(args->norm);
    if (!std::isfinite(norm)) return RN_OK;
    if (args->clip_norm > 0) scale = std::fmin(1, args->clip_norm / (norm + 1e-6));
  }
  double* param = real(args->param);
  for (int64_t n = 0; n < args->n; ++n) {
    int64_t i = n;
    if (args->rows) {
      const int64_t row = args->rows[n / args->features];
      if (row < 0 || row >= args->param_rows) continue;
      i = row * args->features + n % args->features;
    }
    param[i] = updated(*args, i, param[i], real(args->grad)[n] * scale);
  }
  return RN_OK;
}

}  // namespace rnnative::reference

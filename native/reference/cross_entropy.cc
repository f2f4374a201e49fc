// Cross-entropy of softmax(x W^T + b), with label smoothing s (Szegedy et al. 2016) and class
// weights w. With y the target, C classes and p the softmax:
//   loss = (1 - s) w[y] (-log p[y]) + s/C sum_c w[c] (-log p[c])
//   dloss/dlogit[k] = (1 - s) w[y] (p[k] - [k = y]) + s/C (p[k] sum_c w[c] - w[k])
// The reserve holds each row's log-sum-exp; the logits are computed again, a row at a time.
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/log_sum_exp.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

// logits: [classes] of one row.
void compute_logits(const RnLinearCrossEntropy& args, int64_t row, double* logits) {
  const double* x = real(args.x) + row * args.features;
  const double *weight = real(args.weight.data), *bias = real(args.bias);
  for (int64_t c = 0; c < args.classes; ++c) {
    logits[c] = bias ? bias[c] : 0;
    if (weight == nullptr) {
      logits[c] += x[c];
    } else {
      for (int64_t f = 0; f < args.features; ++f) logits[c] += weight[c * args.features + f] * x[f];
    }
  }
}

double class_weight(const RnLinearCrossEntropy& args, int64_t c) {
  return args.class_weights ? real(args.class_weights)[c] : 1;
}

int32_t check_targets(RnContext* context, const RnLinearCrossEntropy& args) {
  return check_indices(context, "target", args.targets, args.rows, args.classes - 1,
                       args.ignore_index);
}

}  // namespace

size_t cross_entropy_reserve(int64_t rows, int64_t, int64_t, int32_t) {
  return static_cast<size_t>(rows) * sizeof(double);
}

int32_t cross_entropy(RnContext* context, const RnLinearCrossEntropy* args) {
  if (int32_t status = check_targets(context, *args)) return status;
  return guarded(context, [&] {
    const double s = args->label_smoothing, classes = static_cast<double>(args->classes);
    double* logits = scratch(context, args->classes);
    double *losses = real(args->losses), *weights = real(args->weights);
    double* reserve = real(args->reserve);
    for (int64_t row = 0; row < args->rows; ++row) {
      const int32_t target = args->targets[row];
      losses[row] = weights[row] = 0;
      if (reserve) reserve[row] = 0;
      if (target == args->ignore_index) continue;

      compute_logits(*args, row, logits);
      const double total = log_sum_exp(logits, args->classes);
      if (reserve) reserve[row] = total;
      weights[row] = class_weight(*args, target);
      losses[row] = (1 - s) * weights[row] * (total - logits[target]);
      if (s == 0) continue;
      for (int64_t c = 0; c < args->classes; ++c)
        losses[row] += s / classes * class_weight(*args, c) * (total - logits[c]);
    }
  });
}

int32_t cross_entropy_backward(RnContext* context, const RnLinearCrossEntropyBackward* args) {
  const RnLinearCrossEntropy& forward = args->forward;
  const int64_t features = forward.features, classes = forward.classes;
  if (int32_t status = check_targets(context, forward)) return status;
  return guarded(context, [&] {
    const double s = forward.label_smoothing;
    const double* weight = real(forward.weight.data);
    double* dx = open(args->dx, forward.rows * features);
    double* dweight = open(args->dweight, classes * features);
    double* dbias = open(args->dbias, classes);
    double* logits = scratch(context, classes);
    double weight_sum = 0;
    for (int64_t c = 0; c < classes; ++c) weight_sum += class_weight(forward, c);
    for (int64_t row = 0; row < forward.rows; ++row) {
      const int32_t target = forward.targets[row];
      if (target == forward.ignore_index) continue;
      const double* x = real(forward.x) + row * features;
      compute_logits(forward, row, logits);
      for (int64_t c = 0; c < classes; ++c) {
        const double p = std::exp(logits[c] - real(forward.reserve)[row]);
        const double slope =
            (1 - s) * class_weight(forward, target) * (p - (c == target)) +
            s / static_cast<double>(classes) * (p * weight_sum - class_weight(forward, c));
        const double dlogit = real(args->dlosses)[row] * slope;
        if (dbias) dbias[c] += dlogit;
        if (dx && weight == nullptr) dx[row * features + c] += dlogit;
        for (int64_t f = 0; weight != nullptr && f < features; ++f) {
          if (dx) dx[row * features + f] += dlogit * weight[c * features + f];
          if (dweight) dweight[c * features + f] += dlogit * x[f];
        }
      }
    }
  });
}

}  // namespace rnnative::reference

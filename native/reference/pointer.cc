// The mixture of a pointer-generator, and its losses. With a = log s(g) - generated, the logarithm
// of what a target has from the vocabulary, and b = log s(-g) + log of the weights on it:
//   loss = -log(exp(a) + exp(b)),  q = exp(a + loss), the share of the vocabulary
//   dgenerated = q dloss,  dgate = (s(g) - q) dloss,  dweight = -exp(log s(-g) + loss) dloss
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

double log_logistic(double x) {
  return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
}

double log_add(double a, double b) {
  const double most = std::max(a, b);
  return most == -INFINITY ? most : most + std::log1p(std::exp(std::min(a, b) - most));
}

// One row at one step.
struct Item {
  int64_t at, source, length;
  double gate;
  const double* weights;

  Item(const RnPointer& p, int64_t index)
      : at(index),
        source(index % p.batch / (p.batch / p.sources)),
        length(p.memory_lengths ? p.memory_lengths[source] : p.positions),
        gate(length > 0 ? real(p.gates)[index] : RN_POINTER_WRITTEN),
        weights(real(p.weights) + index * p.positions) {}

  double mass(const RnPointer& p, int32_t word) const {
    double sum = 0;
    for (int64_t j = 0; j < length; ++j)
      if (p.ids[j * p.sources + source] == word) sum += weights[j];
    return sum;
  }
};

// Of the target of an item, which is not negative.
struct Loss {
  double mass, loss, share;

  Loss(const RnPointerLosses& args, const Item& item) {
    const int32_t target = args.targets[item.at];
    const bool known = target < args.of.vocabulary;
    mass = item.mass(args.of, target);
    const double a = known ? log_logistic(item.gate) - real(args.generated)[item.at] : -INFINITY;
    const double copied = known ? mass : std::max(mass, RN_POINTER_LEAST);
    loss = -log_add(a, log_logistic(-item.gate) + std::log(copied));
    share = known ? std::exp(a + loss) : 0;
  }
};

}  // namespace

int32_t pointer_losses(RnContext* context, const RnPointerLosses* args) {
  const RnPointer& p = args->of;
  if (int32_t status = check_lengths(context, p.memory_lengths, p.sources, p.positions))
    return status;
  for (int64_t at = 0; at < p.time * p.batch; ++at)
    real(args->losses)[at] = args->targets[at] < 0 ? 0 : Loss(*args, Item(p, at)).loss;
  return RN_OK;
}

int32_t pointer_losses_backward(RnContext* context, const RnPointerLossesBackward* args) {
  const RnPointer& p = args->forward.of;
  if (int32_t status = check_lengths(context, p.memory_lengths, p.sources, p.positions))
    return status;
  const int64_t items = p.time * p.batch;
  double *dgenerated = open(args->dgenerated, items), *dgates = open(args->dgates, items);
  double* dweights = open(args->dweights, items * p.positions);
  for (int64_t at = 0; at < items; ++at) {
    const int32_t target = args->forward.targets[at];
    if (target < 0) continue;
    const Item item(p, at);
    const Loss made(args->forward, item);
    const double dy = real(args->dlosses)[at];
    if (dgenerated) dgenerated[at] += made.share * dy;
    if (dgates && item.length > 0)
      dgates[at] += (std::exp(log_logistic(item.gate)) - made.share) * dy;
    if (!dweights || made.mass < RN_POINTER_LEAST) continue;
    const double slope = -std::exp(log_logistic(-item.gate) + made.loss) * dy;
    for (int64_t j = 0; j < item.length; ++j)
      if (p.ids[j * p.sources + item.source] == target) dweights[at * p.positions + j] += slope;
  }
  return RN_OK;
}

int32_t pointer_mixture(RnContext* context, const RnPointerMixture* args) {
  const RnPointer& p = args->of;
  if (int32_t status = check_lengths(context, p.memory_lengths, p.sources, p.positions))
    return status;
  if (int32_t status =
          check_indices(context, "id", p.ids, p.positions * p.sources, args->width - 1))
    return status;
  for (int64_t row = 0; row < p.batch; ++row) {
    const Item item(p, row);
    double* y = real(args->y) + row * args->width;
    for (int64_t w = 0; w < args->width; ++w) {
      const bool known = w < p.vocabulary;
      const double a =
          known ? log_logistic(item.gate) + real(args->logs)[row * p.vocabulary + w] : -INFINITY;
      y[w] = log_add(a, log_logistic(-item.gate) + std::log(item.mass(p, static_cast<int32_t>(w))));
    }
  }
  return RN_OK;
}

}  // namespace rnnative::reference

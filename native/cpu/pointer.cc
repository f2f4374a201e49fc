// The mixture of a pointer-generator, and its losses; the formulas are in the reference. Rows are
// shared among threads, and what a row has for one word is formed in double.
#include <math.h>
#include <string.h>

#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

double log_logistic(double x) {
  return (x < 0 ? x : 0) - log1p(exp(x < 0 ? x : -x));
}

// b is not -inf.
double log_add(double a, double b) {
  return a < b ? b + log1p(exp(a - b)) : a + log1p(exp(b - a));
}

// One row at one step.
struct Item {
  int64_t stride, length;
  const int32_t* ids;
  const float* weights;
  double gate;

  int32_t id(int64_t j) const { return ids[j * stride]; }
};

Item item_of(const RnPointer& p, int64_t at) {
  const int64_t source = at % p.batch / (p.batch / p.sources);
  const int64_t length = p.memory_lengths ? p.memory_lengths[source] : p.positions;
  return {p.sources, length, p.ids + source, (const float*)p.weights + at * p.positions,
          length > 0 ? ((const float*)p.gates)[at] : RN_POINTER_WRITTEN};
}

struct Loss {
  double mass, loss, share;
};

// Of a target that is not negative.
Loss loss_of(const RnPointerLosses& args, const Item& item, int64_t at) {
  const int32_t target = args.targets[at];
  double mass = 0;
  for (int64_t j = 0; j < item.length; ++j)
    if (item.id(j) == target) mass += item.weights[j];
  const double copied = mass < RN_POINTER_LEAST ? RN_POINTER_LEAST : mass;
  const double b = log_logistic(-item.gate) + log(copied);
  if (target >= args.of.vocabulary) return {mass, -b, 0};
  const double a = log_logistic(item.gate) - ((const float*)args.generated)[at];
  if (mass == 0) return {0, -a, 1};
  const double loss = -log_add(a, b);
  return {mass, loss, exp(a + loss)};
}

int32_t check_lengths(RnContext* ctx, const RnPointer& p) {
  if (!p.memory_lengths) return RN_OK;
  return check_indices(ctx, "length", p.memory_lengths, p.sources, p.positions);
}

RN_INLINE void put_one(const RnGrad& grad, int64_t at, double value) {
  if (grad.mode == RN_GRAD_SKIP) return;
  float* to = (float*)grad.data + at;
  *to = (float)value + (grad.mode == RN_GRAD_ADD ? *to : 0);
}

}  // namespace

int32_t pointer_losses(RnContext* ctx, const RnPointerLosses* args) {
  const RnPointer& p = args->of;
  if (const int32_t status = check_lengths(ctx, p)) return status;
  parallel_items(ctx, p.time * p.batch, p.positions + 64, [=, &p](int64_t begin, int64_t end) {
    float* losses = (float*)args->losses;
    for (int64_t at = begin; at < end; ++at)
      losses[at] = args->targets[at] < 0 ? 0 : (float)loss_of(*args, item_of(p, at), at).loss;
  });
  return RN_OK;
}

int32_t pointer_losses_backward(RnContext* ctx, const RnPointerLossesBackward* args) {
  const RnPointer& p = args->forward.of;
  if (const int32_t status = check_lengths(ctx, p)) return status;
  parallel_items(ctx, p.time * p.batch, p.positions + 64, [=, &p](int64_t begin, int64_t end) {
    float* dweights = (float*)args->dweights.data;
    for (int64_t at = begin; at < end; ++at) {
      if (args->dweights.mode == RN_GRAD_WRITE)
        memset(dweights + at * p.positions, 0, (size_t)p.positions * sizeof(float));
      const int32_t target = args->forward.targets[at];
      if (target < 0) {
        if (args->dgenerated.mode == RN_GRAD_WRITE) put_one(args->dgenerated, at, 0);
        if (args->dgates.mode == RN_GRAD_WRITE) put_one(args->dgates, at, 0);
        continue;
      }
      const Item item = item_of(p, at);
      const Loss made = loss_of(args->forward, item, at);
      const double dy = ((const float*)args->dlosses)[at];
      put_one(args->dgenerated, at, made.share * dy);
      const double slope_of_gate = exp(log_logistic(item.gate)) - made.share;
      put_one(args->dgates, at, item.length > 0 ? slope_of_gate * dy : 0);
      if (args->dweights.mode == RN_GRAD_SKIP || made.mass < RN_POINTER_LEAST) continue;
      const float slope = (float)(-exp(log_logistic(-item.gate) + made.loss) * dy);
      for (int64_t j = 0; j < item.length; ++j)
        if (item.id(j) == target) dweights[at * p.positions + j] += slope;
    }
  });
  return RN_OK;
}

int32_t pointer_mixture(RnContext* ctx, const RnPointerMixture* args) {
  const RnPointer& p = args->of;
  if (const int32_t status = check_lengths(ctx, p)) return status;
  const int32_t status = check_indices(ctx, "id", p.ids, p.positions * p.sources, args->width - 1);
  if (status != RN_OK) return status;
  parallel_items(ctx, p.batch, args->width + 16 * p.positions, [=, &p](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Item item = item_of(p, row);
      const float* logs = (const float*)args->logs + row * p.vocabulary;
      float* y = (float*)args->y + row * args->width;
      const vf written = splat((float)log_logistic(item.gate));
      each_vector(0, p.vocabulary,
                  [=](int64_t i, auto at) { at.store(y + i, at.load(logs + i) + written); });
      for (int64_t w = p.vocabulary; w < args->width; ++w) y[w] = -INFINITY;
      const double copied = log_logistic(-item.gate);
      for (int64_t j = 0; j < item.length; ++j) {
        if (item.weights[j] == 0) continue;
        float* word = y + item.id(j);
        *word = (float)log_add(*word, copied + log((double)item.weights[j]));
      }
    }
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

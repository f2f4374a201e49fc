// Cross-entropy fused with the output projection. With a large vocabulary the logits are the
// largest tensor of a language model, so they are produced a chunk of classes at a time and folded
// into running maxima and sums ("online softmax", Milakov and Gimelshein 2018). They are kept for
// backward, once, only where they are small enough that writing them costs less than multiplying
// again.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/softmax_rows.h"
#include "native/cpu/cross_entropy/plan.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// A row's running sums over the chunks of classes seen so far.
struct RowSums {
  double sum;       // of exp(logit - maximum)
  double weighted;  // of class weight * logit; for label smoothing
  float maximum;
  float target;  // the target's logit
};

void fold(RowSums* row, const float* logits, const float* class_weights, int64_t n,
          bool smoothing) {
  const float lowest = -__builtin_inff();
  const float maximum = row_maximum(logits, n);
  // With nothing but -inf (or NaN) in the chunk there is nothing to shift by.
  const float shift = maximum == lowest ? 0 : maximum;
  const double sum = sum_lanes(
      n, [=](int64_t i, auto at) { return at.keep(exp(at.load(logits + i) - splat(shift)), 0); });
  if (maximum > row->maximum) {
    row->sum = row->sum * ::exp((double)row->maximum - maximum) + sum;
    row->maximum = maximum;
  } else {
    // A chunk of -inf adds 0, however low the maximum that it would be scaled up to.
    const bool same = maximum == row->maximum || maximum == lowest;
    row->sum += same ? sum : sum * ::exp((double)maximum - row->maximum);
  }
  if (!smoothing) return;
  row->weighted += sum_lanes(n, [=](int64_t i, auto at) {
    return class_weights ? at.load(logits + i) * at.load(class_weights + i) : at.load(logits + i);
  });
}

// Losses and weights of the real rows; their log-sum-exp into `reserve` if given.
void finish(RnContext* ctx, const RnLinearCrossEntropy* args, const Plan& plan, const RowSums* sums,
            float* reserve) {
  const float* class_weights = (const float*)args->class_weights;
  float *losses = (float*)args->losses, *weights = (float*)args->weights;
  const double s = args->label_smoothing, share = s / (double)args->classes;
  double weight_sum = (double)args->classes;
  if (class_weights && s != 0) {
    weight_sum =
        sum_lanes(args->classes, [=](int64_t i, auto at) { return at.load(class_weights + i); });
  }
  parallel_items(ctx, plan.real_rows, 64, [=, &plan](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = plan.row(i);
      const double log_sum = ::log(sums[i].sum), total = sums[i].maximum + log_sum;
      const float weight = class_weights ? class_weights[args->targets[row]] : 1;
      // In this order, since a large maximum would swallow the rest.
      double loss = (1 - s) * weight * ((double)sums[i].maximum - sums[i].target + log_sum);
      if (s != 0) loss += share * (weight_sum * total - sums[i].weighted);
      losses[row] = (float)loss;
      weights[row] = weight;
      if (reserve) reserve[i] = (float)total;
    }
  });
}

}  // namespace

size_t cross_entropy_reserve(int64_t rows, int64_t, int64_t classes, int32_t projected) {
  const int64_t logits = projected && keeps_logits(rows, classes) ? rows * classes : 0;
  return (size_t)(stats_floats(rows) + logits) * sizeof(float);
}

int32_t cross_entropy(RnContext* ctx, const RnLinearCrossEntropy* args) {
  const int64_t classes = args->classes;
  int32_t status =
      check_indices(ctx, "target", args->targets, args->rows, classes - 1, args->ignore_index);
  if (status != RN_OK || args->rows == 0) return status;
  Plan plan;
  if ((status = make_plan(ctx, args, &plan)) != RN_OK) return status;
  if (plan.real_rows < args->rows) {
    memset(args->losses, 0, (size_t)args->rows * sizeof(float));
    memset(args->weights, 0, (size_t)args->rows * sizeof(float));
  }

  const bool projected = args->weight.data;
  const bool kept = projected && args->reserve && keeps_logits(args->rows, classes);
  const bool packs = projected && plan.class_chunk < classes;
  RowSums* sums =
      (RowSums*)ctx->scratch(ctx->runtime, (size_t)(plan.real_rows + 1) * sizeof(RowSums));
  float* scratch =
      projected && !kept ? scratch_floats(ctx, plan.row_chunk * plan.class_chunk) : nullptr;
  void* packed = packs ? ctx->scratch(ctx->runtime, packed_bytes(args->precision, args->features,
                                                                 plan.class_chunk))
                       : nullptr;
  if (!sums || (projected && !kept && !scratch) || (packs && !packed)) return RN_ERR_OUT_OF_MEMORY;
  for (int64_t i = 0; i < plan.real_rows; ++i) sums[i] = {0, 0, -__builtin_inff(), 0};

  for (int64_t class0 = 0; class0 < classes; class0 += plan.class_chunk) {
    LogitsChunk chunk = {0, 0, class0, least(classes - class0, plan.class_chunk)};
    if (packs) pack_classes(ctx, args, chunk, true, packed);
    for (int64_t row0 = 0; row0 < plan.real_rows; row0 += plan.row_chunk) {
      chunk.row0 = row0;
      chunk.rows = least(plan.real_rows - row0, plan.row_chunk);
      const int64_t ld = chunk.classes;
      float* logits = kept ? kept_logits(args, chunk) : scratch;
      if (projected) {
        status = project(ctx, args, plan, chunk, packed, logits, ld);
        if (status != RN_OK) return status;
      }
      const float* class_weights = (const float*)args->class_weights;
      if (class_weights) class_weights += class0;
      parallel_items(ctx, chunk.rows, 4 * chunk.classes, [=, &plan](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t row = plan.row(row0 + i);
          const float* p =
              projected ? logits + i * ld : (const float*)args->x + row * classes + class0;
          RowSums* row_sums = &sums[row0 + i];
          fold(row_sums, p, class_weights, chunk.classes, args->label_smoothing != 0);
          const int64_t target = args->targets[row] - class0;
          if (target >= 0 && target < chunk.classes) row_sums->target = p[target];
        }
      });
    }
  }
  finish(ctx, args, plan, sums, (float*)args->reserve);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

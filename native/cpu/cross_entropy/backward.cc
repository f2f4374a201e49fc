// Gradients of the fused cross-entropy, one chunk of the logits at a time: the chunk's dlogits are
// formed in scratch (from the kept logits, or from logits computed again in the same place) and
// multiplied into dx, dW and db while they are in cache.
#include "native/abi/backend.h"
#include "native/cpu/cross_entropy/plan.h"
#include "native/cpu/simd/math.h"

namespace rnnative::cpu::RN_ISA {

RN_DECLARE_OPS

namespace {

// dlogit[c] = spread * p[c] - (c = target) * hit - smooth * class_weight[c].
struct RowSlope {
  float spread, hit, smooth;
};

// The constants of every row's gradient.
struct Slopes {
  const RnLinearCrossEntropy* args;
  const float* dlosses;
  double weight_sum;

  RowSlope at(int64_t row) const {
    const double s = args->label_smoothing, g = dlosses[row];
    const float* class_weights = (const float*)args->class_weights;
    const double hit = g * (1 - s) * (class_weights ? class_weights[args->targets[row]] : 1);
    const double smooth = g * s / (double)args->classes;
    return {(float)(hit + smooth * weight_sum), (float)hit, (float)smooth};
  }
};

// Kept logits come from far: rows follow one another, so what is fetched past a row's end serves
// too.
constexpr int64_t kFloatsAhead = 512;

// d (+)= the gradients of the logits class0 .. class0 + n of a row; `target` counts from class0. d
// may be `logits`.
template <bool kAdd>
void row_gradient(const RowSlope& slope, const float* logits, float log_sum,
                  const float* class_weights, int64_t target, int64_t n, float* d) {
  const vf spread = splat(slope.spread), shift = splat(log_sum), smooth = splat(slope.smooth);
  const bool smoothing = slope.smooth != 0;
  each_vector(0, n, [=](int64_t i, auto at) {
    prefetch(logits + i + kFloatsAhead);
    vf g = spread * exp(at.load(logits + i) - shift);
    if (smoothing) g -= class_weights ? smooth * at.load(class_weights + i) : smooth;
    put<kAdd>(at, d + i, g);
  });
  if (target >= 0 && target < n) d[target] -= slope.hit;
}

// Without a projection the logits are x, and their gradient is dx.
void logits_backward(RnContext* ctx, const RnLinearCrossEntropyBackward* args, const Plan& plan,
                     const Slopes& slopes) {
  const RnLinearCrossEntropy& f = args->forward;
  const int64_t classes = f.classes;
  const bool add = args->dx.mode == RN_GRAD_ADD;
  if (args->dx.mode == RN_GRAD_SKIP) return;
  if (plan.row_of && !add) memset(args->dx.data, 0, (size_t)(f.rows * classes) * sizeof(float));
  parallel_items(ctx, plan.real_rows, classes, [=, &plan](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = plan.row(i);
      const auto gradient = add ? row_gradient<true> : row_gradient<false>;
      gradient(slopes.at(row), (const float*)f.x + row * classes, ((const float*)f.reserve)[i],
               (const float*)f.class_weights, f.targets[row], classes,
               (float*)args->dx.data + row * classes);
    }
  });
}

// Scratch of the projected backward pass; what a call does not need is NULL.
struct Workspace {
  float* dlogits;         // [row_chunk, class_chunk]
  void* packed;           // a chunk of W, for dx
  void* packed_t;         // the same chunk of W^T, where logits are computed again
  float* dx;              // [real rows, features]: the output itself, unless rows are left out
  bool recomputes, adds;  // adds: dx holds what to add to
};

int32_t allocate(RnContext* ctx, const RnLinearCrossEntropyBackward* args, const Plan& plan,
                 Workspace* w) {
  const RnLinearCrossEntropy& f = args->forward;
  const bool packs = plan.class_chunk < f.classes, has_dx = args->dx.mode != RN_GRAD_SKIP;
  *w = {};
  w->recomputes = !keeps_logits(f.rows, f.classes);
  w->adds = args->dx.mode == RN_GRAD_ADD && !plan.row_of;
  w->dx = (float*)args->dx.data;
  bool enough = (w->dlogits = scratch_floats(ctx, plan.row_chunk * plan.class_chunk));
  if (packs && has_dx)
    enough &= !!(w->packed = ctx->scratch(ctx->runtime,
                                          packed_bytes(f.precision, plan.class_chunk, f.features)));
  if (packs && w->recomputes)
    enough &= !!(w->packed_t = ctx->scratch(
                     ctx->runtime, packed_bytes(f.precision, f.features, plan.class_chunk)));
  if (plan.row_of && has_dx) enough &= !!(w->dx = scratch_floats(ctx, plan.real_rows * f.features));
  return enough ? RN_OK : RN_ERR_OUT_OF_MEMORY;
}

// dlogits of one chunk.
int32_t chunk_gradient(RnContext* ctx, const Slopes& slopes, const Plan& plan,
                       const LogitsChunk& chunk, const Workspace& w) {
  const RnLinearCrossEntropy& f = *slopes.args;
  const float* log_sums = (const float*)f.reserve + chunk.row0;
  const float* logits = w.recomputes ? w.dlogits : kept_logits(&f, chunk);
  const int64_t ld = chunk.classes;
  if (w.recomputes) {
    const int32_t status = project(ctx, &f, plan, chunk, w.packed_t, w.dlogits, ld);
    if (status != RN_OK) return status;
  }
  const float* class_weights = (const float*)f.class_weights;
  if (class_weights) class_weights += chunk.class0;
  parallel_items(ctx, chunk.rows, 4 * chunk.classes, [=, &plan](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = plan.row(chunk.row0 + i);
      row_gradient<false>(slopes.at(row), logits + i * ld, log_sums[i], class_weights,
                          f.targets[row] - chunk.class0, chunk.classes,
                          w.dlogits + i * chunk.classes);
    }
  });
  return RN_OK;
}

// dx += dlogits W, dW += dlogits^T x, db += column sums of dlogits, for one chunk.
int32_t multiply_chunk(RnContext* ctx, const RnLinearCrossEntropyBackward* args, const Plan& plan,
                       const LogitsChunk& chunk, const Workspace& w) {
  const RnLinearCrossEntropy& f = args->forward;
  const int64_t features = f.features;
  Gemm g = {};
  g.precision = f.precision;
  g.n = g.ldb = g.ldc = features;
  g.a = w.dlogits;
  g.lda = chunk.classes;
  if (args->dx.mode != RN_GRAD_SKIP) {
    g.m = chunk.rows;
    g.k = chunk.classes;
    g.b = f.weight;
    g.packed_b = w.packed;
    g.c = w.dx + chunk.row0 * features;
    g.accumulate = w.adds || chunk.class0 > 0;
    const int32_t status = gemm(ctx, g);
    if (status != RN_OK) return status;
  }
  if (args->dweight.mode != RN_GRAD_SKIP) {
    g.m = chunk.classes;
    g.k = chunk.rows;
    g.trans_a = true;
    g.b = {plan.x + chunk.row0 * features, 0, 0};
    g.packed_b = nullptr;
    g.c = (float*)args->dweight.data + chunk.class0 * features;
    g.accumulate = args->dweight.mode == RN_GRAD_ADD || chunk.row0 > 0;
    const int32_t status = gemm(ctx, g);
    if (status != RN_OK) return status;
  }
  if (args->dbias.mode != RN_GRAD_SKIP) {
    sum_columns(ctx, chunk.rows, chunk.classes, w.dlogits, chunk.classes,
                (float*)args->dbias.data + chunk.class0,
                args->dbias.mode == RN_GRAD_ADD || chunk.row0 > 0);
  }
  return RN_OK;
}

// Puts the real rows' gradients back among the ignored rows', which are zero.
void scatter_dx(RnContext* ctx, const RnLinearCrossEntropyBackward* args, const Plan& plan,
                const float* compact) {
  const int64_t features = args->forward.features;
  const bool add = args->dx.mode == RN_GRAD_ADD;
  if (!add) {
    const RnFill zeros = {args->dx.data, args->forward.rows * features, 0};
    fill(ctx, &zeros);
  }
  parallel_items(ctx, plan.real_rows, features, [=, &plan](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* dx = (float*)args->dx.data + plan.row(i) * features;
      each_vector(0, features, [=](int64_t j, auto at) {
        const vf g = at.load(compact + i * features + j);
        at.store(dx + j, add ? at.load(dx + j) + g : g);
      });
    }
  });
}

int32_t projected_backward(RnContext* ctx, const RnLinearCrossEntropyBackward* args,
                           const Plan& plan, const Slopes& slopes) {
  const RnLinearCrossEntropy& f = args->forward;
  Workspace w;
  int32_t status = allocate(ctx, args, plan, &w);
  if (status != RN_OK) return status;
  for (int64_t class0 = 0; class0 < f.classes; class0 += plan.class_chunk) {
    LogitsChunk chunk = {0, 0, class0, least(f.classes - class0, plan.class_chunk)};
    if (w.packed) pack_classes(ctx, &f, chunk, false, w.packed);
    if (w.packed_t) pack_classes(ctx, &f, chunk, true, w.packed_t);
    for (int64_t row0 = 0; row0 < plan.real_rows; row0 += plan.row_chunk) {
      chunk.row0 = row0;
      chunk.rows = least(plan.real_rows - row0, plan.row_chunk);
      if ((status = chunk_gradient(ctx, slopes, plan, chunk, w)) != RN_OK) return status;
      if ((status = multiply_chunk(ctx, args, plan, chunk, w)) != RN_OK) return status;
    }
  }
  if (plan.row_of && args->dx.mode != RN_GRAD_SKIP) scatter_dx(ctx, args, plan, w.dx);
  return RN_OK;
}

void clear(RnContext* ctx, const RnGrad& grad, int64_t n) {
  if (grad.mode != RN_GRAD_WRITE) return;
  const RnFill zeros = {grad.data, n, 0};
  fill(ctx, &zeros);
}

}  // namespace

int32_t cross_entropy_backward(RnContext* ctx, const RnLinearCrossEntropyBackward* args) {
  const RnLinearCrossEntropy& f = args->forward;
  int32_t status = check_indices(ctx, "target", f.targets, f.rows, f.classes - 1, f.ignore_index);
  if (status != RN_OK) return status;
  Plan plan;
  if ((status = make_plan(ctx, &f, &plan)) != RN_OK) return status;
  if (plan.real_rows == 0) {
    clear(ctx, args->dx, f.rows * f.features);
    clear(ctx, args->dweight, f.classes * f.features);
    clear(ctx, args->dbias, f.classes);
    return RN_OK;
  }
  Slopes slopes = {&f, (const float*)args->dlosses, (double)f.classes};
  if (const float* class_weights = (const float*)f.class_weights) {
    slopes.weight_sum =
        sum_lanes(f.classes, [=](int64_t i, auto at) { return at.load(class_weights + i); });
  }
  if (f.weight.data) return projected_backward(ctx, args, plan, slopes);
  logits_backward(ctx, args, plan, slopes);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

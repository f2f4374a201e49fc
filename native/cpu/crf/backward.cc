// Gradients of a conditional random field in one sweep from the last step to the first. What is
// carried is q[j] = q(y[t] = j) itself, which needs neither beta nor the total:
//   q(y[t-1] = i, y[t] = j) = a[i] W[i][j] q[j] / s[j]
// with a, W and s as forward had them (field.h), so that each value is a probability. Sums over the
// batch are formed in blocks of rows fixed by the batch and joined in order, in double.
#include "native/cpu/crf/field.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Of one block of rows.
struct Block {
  float* pairs;          // [tags, padded] by target, then by source; less those of the targets
  float *first, *last;   // [padded]
  float *q, *ratio, *a;  // [padded]
};

Block block_at(const Field& f, float* work) {
  float* rest = work + f.tags * f.padded;
  return {
      work, rest, rest + f.padded, rest + 2 * f.padded, rest + 3 * f.padded, rest + 4 * f.padded};
}
int64_t block_size(const Field& f) {
  return (f.tags + 5) * f.padded;
}

// q = a * sum_j ratio[j] W[.][j], and the pairs, kVectors vectors of sources at a time.
template <int kVectors, bool kPairs>
RN_INLINE void sources(const Field& f, const Block& b, float dy, int v) {
  vf sum[kVectors] = {}, scaled[kVectors];
  const int64_t at = (int64_t)v * kLanes;
#pragma GCC unroll 4
  for (int k = 0; k < kVectors; ++k) scaled[k] = load(b.a + at + k * kLanes) * splat(dy);
  for (int64_t j = 0; j < f.tags; ++j) {
    const vf ratio = splat(b.ratio[j]);
    const float* w = f.by_target + j * f.padded + at;
    float* pairs = b.pairs + j * f.padded + at;
#pragma GCC unroll 4
    for (int k = 0; k < kVectors; ++k) {
      const vf part = load(w + k * kLanes) * ratio;
      sum[k] += part;
      if (kPairs) store(pairs + k * kLanes, fma(part, scaled[k], load(pairs + k * kLanes)));
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < kVectors; ++k)
    store(b.q + at + k * kLanes, load(b.a + at + k * kLanes) * sum[k]);
}

template <bool kPairs>
void all_sources(const Field& f, const Block& b, float dy) {
  int v = 0, vectors = f.vectors();
  for (; v + 4 <= vectors; v += 4) sources<4, kPairs>(f, b, dy, v);
  if (vectors - v >= 2) {
    sources<2, kPairs>(f, b, dy, v);
    v += 2;
  }
  if (vectors - v == 1) sources<1, kPairs>(f, b, dy, v);
}

// From the step with `sums` to the one before it, which has `alpha`: b.q and the pairs.
void step_back(const Field& f, const Block& b, const float* alpha, const float* sums, float dy,
               bool pairs) {
  vf lowest = splat(__builtin_inff());
  for (int v = 0; v < f.vectors(); ++v) {
    const int64_t at = (int64_t)v * kLanes;
    const vf s = load(sums + at);
    lowest = min(s, lowest);
    store(b.ratio + at, select(s < splat(kLeastSum), zero(), load(b.q + at) / s));
    store(b.a + at, exp_or_zero(load(alpha + at)));
  }
  const bool vanished = -max_of(-lowest) < kLeastSum;
  // Those of sums that were not trusted, negative, and out of the way of all_sources.
  for (int64_t j = 0; j < f.tags && vanished; ++j)
    if (sums[j] < kLeastSum && b.q[j] > 0) b.ratio[j] = -b.q[j];
  if (!vanished) {
    if (pairs)
      all_sources<true>(f, b, dy);
    else
      all_sources<false>(f, b, dy);
    return;
  }
  for (int64_t i = 0; i < f.padded; ++i) b.q[i] = 0;
  for (int64_t j = 0; j < f.tags; ++j) {
    const float ratio = b.ratio[j];
    if (ratio == 0) continue;
    const float total = ratio < 0 ? log_sum(f, alpha, j) : 0;
    for (int64_t i = 0; i < f.tags; ++i) {
      const float part = ratio < 0 ? -ratio * expf(alpha[i] + f.A[i * f.tags + j] - total)
                                   : ratio * b.a[i] * f.by_target[j * f.padded + i];
      b.q[i] += part;
      b.pairs[j * f.padded + i] += part * dy;
    }
  }
}

// demissions = or += dy ([target = k] - q[k]).
void put_emissions(const Field& f, const float* q, float dy, int32_t target, float* dx, bool add) {
  each_vector(0, f.tags, [=](int64_t i, auto at) {
    const vf g = load(q + i) * splat(-dy);
    at.store(dx + i, add ? at.load(dx + i) + g : g);
  });
  dx[target] += dy;
}

void run_row(const Field& f, const RnCrfBackward& args, int64_t row, const Block& b) {
  const RnCrf& forward = args.forward;
  const int64_t length = row_length(forward, row);
  if (length == 0) return;
  const float most = with_end(f, f.alpha(row, length - 1), (const float*)forward.end, b.q);
  const bool add = args.demissions.mode == RN_GRAD_ADD;
  const auto dx = [&](int64_t t) {
    return (float*)args.demissions.data + (t * f.batch + row) * f.tags;
  };
  if (most == kNever) {
    for (int64_t t = 0; t < length && args.demissions.mode == RN_GRAD_WRITE; ++t)
      memset(dx(t), 0, (size_t)f.tags * sizeof(float));
    return;
  }
  double total = 0;
  for (int64_t j = 0; j < f.tags; ++j) total += expf(b.q[j] - most);
  const vf shift = splat(most), scale = splat((float)(1 / total));
  for (int v = 0; v < f.vectors(); ++v) {
    float* q = b.q + v * kLanes;
    store(q, exp(f.keep_tags(load(q), v) - shift) * scale);
  }

  const float dy = ((const float*)args.dlikelihoods)[row];
  const bool pairs = args.dtransitions.mode != RN_GRAD_SKIP;
  const auto less_q = [&](float* sums, int32_t target) {
    for (int64_t i = 0; i < f.padded; i += kLanes)
      store(sums + i, fma(load(b.q + i), splat(-dy), load(sums + i)));
    sums[target] += dy;
  };
  less_q(b.last, forward.targets[(length - 1) * f.batch + row]);
  for (int64_t t = length - 1;; --t) {
    const int32_t target = forward.targets[t * f.batch + row];
    if (args.demissions.mode != RN_GRAD_SKIP) put_emissions(f, b.q, dy, target, dx(t), add);
    if (t == 0) return less_q(b.first, target);
    step_back(f, b, f.alpha(row, t - 1), f.alpha(row, t) + f.padded, dy, pairs);
    b.pairs[target * f.padded + forward.targets[(t - 1) * f.batch + row]] -= dy;
  }
}

// grad = or += the sum over blocks of sums[block * stride + place(i)].
template <class Place>
void join(RnContext* ctx, const RnGrad& grad, int64_t n, int64_t blocks, int64_t stride,
          const float* sums, double sign, const Place& place) {
  if (grad.mode == RN_GRAD_SKIP) return;
  float* to = (float*)grad.data;
  const bool add = grad.mode == RN_GRAD_ADD;
  parallel_items(ctx, n, blocks, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      double total = 0;
      for (int64_t block = 0; block < blocks; ++block) total += sums[block * stride + place(i)];
      to[i] = (float)((add ? (double)to[i] : 0) + sign * total);
    }
  });
}

}  // namespace

int32_t crf_backward(RnContext* ctx, const RnCrfBackward* args) {
  const RnCrf& forward = args->forward;
  if (const int32_t status = check_rows(ctx, forward)) return status;
  Field f = field_of(forward);
  if (!weigh(ctx, &f, true)) return RN_ERR_OUT_OF_MEMORY;
  const int64_t blocks = least(f.batch, kMostBlocks), each = block_size(f);
  float* work = scratch_floats(ctx, blocks * each);
  if (!work) return RN_ERR_OUT_OF_MEMORY;
  const int64_t cost = f.time * f.padded * (f.tags / kLanes + 16) * (f.batch / blocks);
  parallel_items(ctx, blocks, cost, [=](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      memset(work + block * each, 0, (size_t)each * sizeof(float));
      const Range rows = split(f.batch, blocks, block);
      for (int64_t row = rows.begin; row < rows.end; ++row)
        run_row(f, *args, row, block_at(f, work + block * each));
    }
  });
  if (args->demissions.mode == RN_GRAD_WRITE)
    for (int64_t t = 0; t < f.time; ++t)
      for (int64_t row = 0; row < f.batch; ++row)
        if (t >= row_length(forward, row))
          memset((float*)args->demissions.data + (t * f.batch + row) * f.tags, 0,
                 (size_t)f.tags * sizeof(float));
  const Block first = block_at(f, work);
  join(ctx, args->dtransitions, f.tags * f.tags, blocks, each, first.pairs, -1,
       [=](int64_t i) { return i % f.tags * f.padded + i / f.tags; });
  const auto same = [](int64_t i) { return i; };
  join(ctx, args->dstart, f.tags, blocks, each, first.first, 1, same);
  join(ctx, args->dend, f.tags, blocks, each, first.last, 1, same);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

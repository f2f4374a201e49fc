// Log-likelihoods of a conditional random field. Rows are shared among threads, so a row's result
// depends on nothing else in the batch. What all paths have in common is taken out of alpha at each
// step, and added up in double.
#include "native/cpu/crf/field.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// sums[j] = sum_i a[i] W[i][j] over kVectors vectors of j. Few vectors leave registers for several
// chains each.
template <int kVectors>
RN_INLINE vf product(const Field& f, const float* a, int v, float* sums) {
  constexpr int kChains = kVectors == 1 ? 4 : 2;
  vf y[kChains][kVectors] = {};
  const float* w = f.weights + v * kLanes;
  int64_t i = 0;
  for (; i + kChains <= f.tags; i += kChains, w += kChains * f.padded)
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c)
#pragma GCC unroll 4
      for (int k = 0; k < kVectors; ++k)
        y[c][k] = fma(splat(a[i + c]), load(w + c * f.padded + k * kLanes), y[c][k]);
  for (; i < f.tags; ++i, w += f.padded)
#pragma GCC unroll 4
    for (int k = 0; k < kVectors; ++k) y[0][k] = fma(splat(a[i]), load(w + k * kLanes), y[0][k]);
  vf lowest = splat(__builtin_inff());
#pragma GCC unroll 4
  for (int k = 0; k < kVectors; ++k) {
    for (int c = 1; c < kChains; ++c) y[0][k] += y[c][k];
    store(sums + (v + k) * kLanes, y[0][k]);
    lowest = min(y[0][k], lowest);
  }
  return lowest;
}

// Returns the lowest sum.
RN_INLINE float products(const Field& f, const float* a, float* sums) {
  vf lowest = splat(__builtin_inff());
  int v = 0, vectors = f.vectors();
  for (; v + 4 <= vectors; v += 4) lowest = min(product<4>(f, a, v, sums), lowest);
  if (vectors - v == 3) lowest = min(product<3>(f, a, v, sums), lowest);
  if (vectors - v == 2) lowest = min(product<2>(f, a, v, sums), lowest);
  if (vectors - v == 1) lowest = min(product<1>(f, a, v, sums), lowest);
  return -max_of(-lowest);
}

// y = the emissions of a step less their maximum, which it returns.
RN_INLINE float lower_emissions(const Field& f, const float* emissions, float* y) {
  for (int v = 0; v < f.vectors(); ++v)
    store(y + v * kLanes, f.load_tags(emissions, v) + load(f.padding + v * kLanes));
  const float highest = greatest(f, y);
  if (highest == kNever) return highest;
  const vf shift = splat(highest);
  for (int v = 0; v < f.vectors(); ++v) store(y + v * kLanes, load(y + v * kLanes) - shift);
  return highest;
}

double score(const RnCrf& args, int64_t row, int64_t length) {
  const float* emissions = (const float*)args.emissions;
  const int32_t* targets = args.targets + row;
  double sum = ((const float*)args.start)[targets[0]];
  for (int64_t t = 0; t < length; ++t) {
    const int32_t tag = targets[t * args.batch];
    sum += emissions[(t * args.batch + row) * args.tags + tag];
    if (t > 0)
      sum += ((const float*)args.transitions)[targets[(t - 1) * args.batch] * args.tags + tag];
  }
  return sum + ((const float*)args.end)[targets[(length - 1) * args.batch]];
}

// log Z of a row of at least one step. work: [5, padded].
double log_total(const Field& f, const RnCrf& args, int64_t row, int64_t length, float* work) {
  float *a = work, *x = work + f.padded, *own = work + 2 * f.padded;
  double total = 0;
  const float* before = nullptr;
  for (int64_t t = 0; t < length; ++t) {
    // Without a reserve two steps take turns. Sums follow alpha.
    float* alpha = f.reserve ? f.alpha(row, t) : own + (t & 1) * f.padded;
    float* sums = f.reserve ? alpha + f.padded : own + 2 * f.padded;
    const float* emissions = (const float*)args.emissions + (t * f.batch + row) * f.tags;
    const float highest = lower_emissions(f, emissions, alpha);
    if (t == 0) {
      for (int v = 0; v < f.vectors(); ++v)
        store(x + v * kLanes, load(alpha + v * kLanes) + f.load_tags((const float*)args.start, v));
    } else {
      const float lowest = products(f, a, sums);
      const vf shift = splat(f.highest);
      for (int v = 0; v < f.vectors(); ++v) {
        const vf above = load(f.columns + v * kLanes) - shift;
        store(x + v * kLanes, load(alpha + v * kLanes) + (above + log(load(sums + v * kLanes))));
      }
      for (int64_t j = 0; j < f.tags && lowest < kLeastSum; ++j)
        if (sums[j] < kLeastSum) {
          sums[j] = 0;
          x[j] = alpha[j] + (log_sum(f, before, j) - f.highest);
        }
    }
    const float most = greatest(f, x);
    if (highest == kNever || most == kNever) {
      // Nothing is allowed, and backward sees it at the last step.
      float* last = f.reserve ? f.alpha(row, length - 1) : alpha;
      for (int64_t j = 0; j < f.padded; ++j) last[j] = kNever;
      return kNever;
    }
    total += (double)highest + (double)most + (t > 0 ? (double)f.highest : 0);
    const vf shift = splat(most);
    for (int v = 0; v < f.vectors(); ++v) {
      const vf y = load(x + v * kLanes) - shift;
      store(alpha + v * kLanes, y);
      store(a + v * kLanes, exp_or_zero(y));
    }
    before = alpha;
  }
  const float most = with_end(f, before, (const float*)args.end, x);
  if (most == kNever) return kNever;
  double sum = 0;
  for (int64_t j = 0; j < f.tags; ++j) sum += expf(x[j] - most);
  return total + (double)most + ::log(sum);
}

}  // namespace

size_t crf_reserve(int64_t time, int64_t batch, int64_t tags) {
  return (size_t)(time * batch * 2 * round_up(tags, kLanes)) * sizeof(float);
}

int32_t crf(RnContext* ctx, const RnCrf* args) {
  if (const int32_t status = check_rows(ctx, *args)) return status;
  Field f = field_of(*args);
  if (!weigh(ctx, &f, false)) return RN_ERR_OUT_OF_MEMORY;
  const int64_t blocks = least(f.batch, kMostBlocks), each = 5 * f.padded;
  float* work = scratch_floats(ctx, blocks * each);
  if (!work) return RN_ERR_OUT_OF_MEMORY;
  const int64_t cost = f.time * f.padded * (f.tags / kLanes + 16) * (f.batch / blocks);
  parallel_items(ctx, blocks, cost, [=](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const Range rows = split(f.batch, blocks, block);
      for (int64_t row = rows.begin; row < rows.end; ++row) {
        const int64_t length = row_length(*args, row);
        double y = 0;
        if (length > 0) {
          const double total = log_total(f, *args, row, length, work + block * each);
          y = total == (double)kNever ? total : score(*args, row, length) - total;
        }
        ((float*)args->likelihoods)[row] = (float)y;
      }
    }
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

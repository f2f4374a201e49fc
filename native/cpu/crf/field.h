// What both directions of a conditional random field share. Sums over paths are matrix-vector
// products of exponentials, a step at a time and vectors of tags wide:
//   s[j] = sum_i a[i] W[i][j],  a[i] = exp(alpha[i]),  W[i][j] = exp(A[i][j] - c[j])
// with alpha shifted so that its maximum is 0 and c[j] the maximum of column j of the transitions
// A. So no exponential exceeds 1. Where s[j] comes near to nothing, as it does when scores are
// thousands apart, log_sum computes that one sum from the logarithms.
#ifndef RNNATIVE_CPU_CRF_FIELD_H_
#define RNNATIVE_CPU_CRF_FIELD_H_

#include <math.h>
#include <stdio.h>

#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/loops.h"
#include "native/cpu/simd/math.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr float kNever = -__builtin_inff();
// Sums below it are not trusted: what factors below kVanishing add up to would show in them.
constexpr float kLeastSum = 1e-28f;
// Exponents whose exponential is denormal, and slow to compute with.
constexpr float kVanishing = -87.0f;

RN_INLINE vf exp_or_zero(vf x) {
  return select(x < splat(kVanishing), zero(), exp(x));
}

// Rows whose sums over the batch are formed together; blocks are joined in order.
constexpr int64_t kMostBlocks = 32;

struct Field {
  int64_t time, batch, tags;
  int64_t padded;    // tags in whole vectors
  const float* A;    // [tags, tags]
  float* weights;    // W: [tags, padded], 1 in columns that do not exist
  float* by_target;  // W transposed, 0 where it does not exist; backward only
  float* columns;    // c: [padded], -inf where it does not exist, 0 where a column forbids all
  float* padding;    // [padded]: 0, and -inf where there is no tag
  float highest;     // of c
  float* reserve;    // [batch, time, 2, padded] or NULL

  int vectors() const { return (int)(padded / kLanes); }
  // Lanes of vector v that are tags.
  int64_t lanes(int v) const { return least(tags - (int64_t)v * kLanes, kLanes); }
  vf load_tags(const float* p, int v) const {
    const int64_t n = lanes(v);
    p += v * kLanes;
    return n == kLanes ? load(p) : load_first(p, n);
  }
  // -inf in lanes that are no tags.
  vf keep_tags(vf x, int v) const {
    for (int64_t i = lanes(v); i < kLanes; ++i) x[i] = kNever;
    return x;
  }
  // alpha of a step, its maximum 0; after it the sums s that it came from, 0 where not trusted.
  float* alpha(int64_t row, int64_t t) const { return reserve + (row * time + t) * 2 * padded; }
};

inline Field field_of(const RnCrf& args) {
  Field f = {};
  f.time = args.time;
  f.batch = args.batch;
  f.tags = args.tags;
  f.padded = round_up(args.tags, kLanes);
  f.A = (const float*)args.transitions;
  f.reserve = (float*)args.reserve;
  return f;
}

inline int64_t row_length(const RnCrf& args, int64_t row) {
  return args.lengths ? args.lengths[row] : args.time;
}

inline int32_t check_rows(RnContext* ctx, const RnCrf& args) {
  if (args.lengths) {
    const int32_t status = check_indices(ctx, "length", args.lengths, args.batch, args.time);
    if (status != RN_OK) return status;
  }
  for (int64_t t = 0; t < args.time; ++t)
    for (int64_t row = 0; row < args.batch; ++row) {
      const int64_t at = t * args.batch + row;
      const int32_t tag = args.targets[at];
      if ((tag >= 0 && tag < args.tags) || t >= row_length(args, row)) continue;
      snprintf(ctx->error, sizeof ctx->error, "tag %d at position %lld: expected 0..%lld", tag,
               (long long)at, (long long)(args.tags - 1));
      return RN_ERR_INDEX;
    }
  return RN_OK;
}

// Computes the exponentials of the transitions.
inline bool weigh(RnContext* ctx, Field* f, bool backward) {
  const int64_t tags = f->tags, padded = f->padded;
  f->columns = scratch_floats(ctx, padded * (2 + tags * (backward ? 2 : 1)));
  if (!f->columns) return false;
  f->padding = f->columns + padded;
  f->weights = f->padding + padded;
  f->by_target = backward ? f->weights + tags * padded : nullptr;
  f->highest = kNever;
  for (int64_t j = 0; j < padded; ++j) f->padding[j] = j < tags ? 0 : kNever;
  for (int v = 0; v < f->vectors(); ++v) {
    vf most = splat(kNever);
    for (int64_t i = 0; i < tags; ++i) most = max(most, f->load_tags(f->A + i * tags, v));
    float* columns = f->columns + v * kLanes;
    store(columns, f->keep_tags(select(most == splat(kNever), zero(), most), v));
    for (int64_t j = 0; j < f->lanes(v); ++j)
      if (columns[j] > f->highest) f->highest = columns[j];
  }
  for (int64_t i = 0; i < tags; ++i)
    for (int v = 0; v < f->vectors(); ++v) {
      vf w = exp_or_zero(f->load_tags(f->A + i * tags, v) - load(f->columns + v * kLanes));
      for (int64_t j = f->lanes(v); j < kLanes; ++j) w[j] = 1;
      store(f->weights + i * padded + v * kLanes, w);
    }
  if (!backward) return true;
  for (int64_t j = 0; j < tags; ++j)
    for (int64_t i = 0; i < padded; ++i)
      f->by_target[j * padded + i] = i < tags ? f->weights[i * padded + j] : 0;
  return true;
}

// log sum_i exp(alpha[i] + A[i][j]).
inline float log_sum(const Field& f, const float* alpha, int64_t j) {
  float most = kNever;
  for (int64_t i = 0; i < f.tags; ++i) {
    const float x = alpha[i] + f.A[i * f.tags + j];
    if (x > most) most = x;
  }
  if (most == kNever) return most;
  double total = 0;
  for (int64_t i = 0; i < f.tags; ++i) total += expf(alpha[i] + f.A[i * f.tags + j] - most);
  return most + (float)::log(total);
}

// The greatest of `padded` floats; NaN where all that are not -inf are NaN.
RN_INLINE float greatest(const Field& f, const float* x) {
  vf most = splat(kNever);
  for (int v = 0; v < f.vectors(); ++v) most = max(most, load(x + v * kLanes));
  const float highest = max_of(most);
  if (highest > kNever) return highest;
  for (int64_t j = 0; j < f.tags; ++j)
    if (x[j] != x[j]) return x[j];
  return highest;
}

// x[j] = alpha[j] + end[j], and its maximum.
RN_INLINE float with_end(const Field& f, const float* alpha, const float* end, float* x) {
  for (int v = 0; v < f.vectors(); ++v)
    store(x + v * kLanes, load(alpha + v * kLanes) + f.load_tags(end, v));
  return greatest(f, x);
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CRF_FIELD_H_

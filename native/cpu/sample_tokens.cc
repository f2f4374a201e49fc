// Tokens drawn from the softmax of logits. Nothing is sorted: what top-k and top-p leave is found
// by a radix selection over the bits of the scores, digit by digit, and all else gets the weight 0;
// a draw then passes over whole blocks of tokens by their sums. So a row takes a few passes over
// its logits whatever k and p are. Rows are shared among the threads.
#include <float.h>
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/penalties.h"
#include "native/cpu/core/softmax_rows.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Tokens that a draw passes over at a time.
constexpr int64_t kBlock = 1024;

double sum_of(const float* x, int64_t n) {
  return sum_lanes(n, [=](int64_t i, auto at) { return at.load(x + i); });
}

// A number for a float, in the same order; -0 counts as 0.
RN_INLINE uint32_t rank_of(float x) {
  const float y = x + 0.0f;
  uint32_t bits;
  memcpy(&bits, &y, sizeof bits);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

// Keeps the likeliest tokens, as few as have amounts that come to `wanted`, and zeros the weights
// of the others. Of equals the lower token is the likelier.
template <class Amount>
void keep_likeliest(const float* scores, int64_t n, double wanted, const Amount& amount,
                    float* weights) {
  uint32_t rank = 0;  // of the last token kept, from its highest digit on
  for (int shift = 24; shift >= 0; shift -= 8) {
    double sums[256] = {};
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t own = rank_of(scores[i]);
      if ((uint64_t)(own ^ rank) >> (shift + 8) == 0) sums[own >> shift & 255] += amount(i);
    }
    // Rounding may leave a sliver missing after the last digit there is: then that is the one.
    double missing = wanted;
    uint32_t last = 0;
    for (int digit = 255; digit >= 0; --digit) {
      if (!(sums[digit] > 0)) continue;
      last = (uint32_t)digit;
      wanted = missing;
      if (sums[digit] >= missing) break;
      missing -= sums[digit];
    }
    rank |= last << shift;
  }
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t own = rank_of(scores[i]);
    if (own > rank) continue;
    if (own == rank && wanted > 0) {
      wanted -= amount(i);
    } else {
      weights[i] = 0;
    }
  }
}

// The first token at which the running sum of the weights exceeds u times their sum.
int32_t draw(const float* weights, int64_t n, double u) {
  double total = 0;
  for (int64_t i = 0; i < n; i += kBlock) total += sum_of(weights + i, least(n - i, kBlock));
  double rest = u * total;
  int64_t end = n;
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t size = least(n - first, kBlock);
    const double sum = sum_of(weights + first, size);
    if (rest >= sum) {
      rest -= sum;
      continue;
    }
    end = first + size;
    for (int64_t i = first; i < end; ++i) {
      rest -= weights[i];
      if (rest < 0) return (int32_t)i;
    }
    break;
  }
  // Rounding left a sliver: it goes to the last token there is.
  while (!(weights[end - 1] > 0)) --end;
  return (int32_t)(end - 1);
}

// -1 where nothing can be chosen. `sum`: of the row's logits; `scratch` holds 2 * vocabulary
// floats.
int32_t choose(const RnSampleTokens& args, const Penalties& penalties, int64_t row, ExpSum sum,
               float* scratch) {
  const int64_t n = args.vocabulary;
  const float* scores = (const float*)args.logits + row * n;
  float* weights = scratch + n;
  if (penalties.any(row)) {
    memcpy(scratch, scores, (size_t)n * sizeof(float));
    penalties.add_to(row, scratch);
    scores = scratch;
    sum = exp_sum(scores, n);
  }
  if (!sum.finite()) return -1;
  if (args.temperature == 0) {
    int64_t best = 0;
    while (scores[best] != sum.shift) ++best;
    return (int32_t)best;
  }
  const double temperature = args.temperature > FLT_MAX ? FLT_MAX : args.temperature;
  const vf top = splat(sum.shift), scale = splat(fmaxf((float)temperature, FLT_MIN));
  each_vector(0, n, [=](int64_t i, auto at) {
    at.store(weights + i, exp((at.load(scores + i) - top) / scale));
  });
  if (args.top_k < n) {
    keep_likeliest(scores, n, (double)args.top_k, [](int64_t) { return 1.0; }, weights);
  }
  if (args.top_p < 1) {
    const double wanted = args.top_p * sum_of(weights, n);
    keep_likeliest(scores, n, wanted, [=](int64_t i) { return (double)weights[i]; }, weights);
  }
  const uint32_t* words = args.words + 2 * row;
  const uint64_t bits = (uint64_t)words[0] << 21 | words[1] >> 11;
  return draw(weights, n, (double)bits * 0x1p-53);
}

}  // namespace

int32_t sample_tokens(RnContext* ctx, const RnSampleTokens* args) {
  const int64_t rows = args->rows, n = args->vocabulary;
  int32_t status = RN_OK;
  if (args->given) status = check_indices(ctx, "given token", args->given, rows, n - 1, -1);
  if (status != RN_OK) return status;
  Penalties penalties;
  status = sort_penalties(ctx, args->penalties, rows, n, &penalties);
  if (status != RN_OK) return status;
  float* scratch = scratch_floats(ctx, 2 * n * ctx->threads);
  if (!scratch) return RN_ERR_OUT_OF_MEMORY;
  const auto part = [&](int thread, int threads) {
    const Range range = split(rows, threads, thread);
    float* own = scratch + 2 * n * thread;
    for (int64_t row = range.begin; row < range.end; ++row) {
      const float* logits = (const float*)args->logits + row * n;
      const ExpSum sum = exp_sum(logits, n);
      int32_t token = args->given ? args->given[row] : -1;
      if (token < 0) token = choose(*args, penalties, row, sum, own);
      args->tokens[row] = token;
      ((float*)args->log_probabilities)[row] =
          token < 0 ? 0 : (float)(logits[token] - (double)sum.shift - ::log(sum.total));
    }
  };
  if (rows == 1 || rows * n <= kSerialElements / 4) {
    part(0, 1);
  } else {
    parallel_team(ctx, part);
  }
  for (int64_t row = 0; row < rows; ++row)
    if (args->tokens[row] < 0) return refuse_choice(ctx, row);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

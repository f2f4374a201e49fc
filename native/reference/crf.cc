// Linear-chain conditional random fields, by the forward-backward algorithm (Lafferty et al. 2001).
// With e the emissions, A the transitions and n a row's length:
//   alpha[t][j] = e[t][j] + log sum_i exp(alpha[t-1][i] + A[i][j]),  alpha[0] = start + e[0]
//   beta[t][i]  = log sum_j exp(A[i][j] + e[t+1][j] + beta[t+1][j]),  beta[n-1] = end
//   log Z = log sum_j exp(alpha[n-1][j] + end[j])
//   q(y[t] = i) = exp(alpha[t][i] + beta[t][i] - log Z)
//   q(y[t] = i, y[t+1] = j) = exp(alpha[t][i] + A[i][j] + e[t+1][j] + beta[t+1][j] - log Z)
// The reserve holds alpha.
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/log_sum_exp.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

int64_t length_of(const RnCrf& args, int64_t row) {
  return args.lengths ? args.lengths[row] : args.time;
}

int32_t check_rows(RnContext* context, const RnCrf& args) {
  if (int32_t status = check_lengths(context, args.lengths, args.batch, args.time)) return status;
  for (int64_t t = 0; t < args.time; ++t)
    for (int64_t row = 0; row < args.batch; ++row) {
      const int64_t at = t * args.batch + row;
      const int32_t tag = args.targets[at];
      if (t >= length_of(args, row) || (tag >= 0 && tag < args.tags)) continue;
      std::snprintf(context->error, sizeof context->error,
                    "tag %d at position %lld: expected 0..%lld", tag, static_cast<long long>(at),
                    static_cast<long long>(args.tags - 1));
      return RN_ERR_INDEX;
    }
  return RN_OK;
}

// -inf where all terms are.
double log_sum(const double* terms, int64_t n) {
  bool any = false;
  for (int64_t i = 0; i < n; ++i) any = any || terms[i] != -INFINITY;
  return any ? log_sum_exp(terms, n) : -INFINITY;
}

// One row's view of the arguments.
struct Row {
  const RnCrf& args;
  int64_t row, tags, length;
  const double *transitions, *start, *end;

  Row(const RnCrf& crf, int64_t index)
      : args(crf),
        row(index),
        tags(crf.tags),
        length(length_of(crf, index)),
        transitions(real(crf.transitions)),
        start(real(crf.start)),
        end(real(crf.end)) {}

  int64_t step(int64_t t) const { return (t * args.batch + row) * tags; }
  const double* emission(int64_t t) const { return real(args.emissions) + step(t); }
  int32_t target(int64_t t) const { return args.targets[t * args.batch + row]; }

  double score() const {
    double sum = start[target(0)] + end[target(length - 1)];
    for (int64_t t = 0; t < length; ++t) {
      sum += emission(t)[target(t)];
      if (t > 0) sum += transitions[target(t - 1) * tags + target(t)];
    }
    return sum;
  }

  // alpha: of all rows. Returns log Z.
  double forward(double* alpha, double* terms) const {
    for (int64_t t = 0; t < length; ++t)
      for (int64_t j = 0; j < tags; ++j) {
        double before = start[j];
        if (t > 0) {
          for (int64_t i = 0; i < tags; ++i)
            terms[i] = alpha[step(t - 1) + i] + transitions[i * tags + j];
          before = log_sum(terms, tags);
        }
        alpha[step(t) + j] = before + emission(t)[j];
      }
    return total(alpha, terms);
  }
  double total(const double* alpha, double* terms) const {
    for (int64_t j = 0; j < tags; ++j) terms[j] = alpha[step(length - 1) + j] + end[j];
    return log_sum(terms, tags);
  }
};

}  // namespace

size_t crf_reserve(int64_t time, int64_t batch, int64_t tags) {
  return static_cast<size_t>(time * batch * tags) * sizeof(double);
}

int32_t crf(RnContext* context, const RnCrf* args) {
  if (int32_t status = check_rows(context, *args)) return status;
  return guarded(context, [&] {
    double* alpha = args->reserve ? real(args->reserve)
                                  : scratch(context, args->time * args->batch * args->tags);
    double* terms = scratch(context, args->tags);
    for (int64_t b = 0; b < args->batch; ++b) {
      const Row row(*args, b);
      double& likelihood = real(args->likelihoods)[b];
      likelihood = 0;
      if (row.length == 0) continue;
      const double total = row.forward(alpha, terms);
      likelihood = total == -INFINITY ? -INFINITY : row.score() - total;
    }
  });
}

int32_t crf_backward(RnContext* context, const RnCrfBackward* args) {
  const RnCrf& forward = args->forward;
  const int64_t tags = forward.tags;
  if (int32_t status = check_rows(context, forward)) return status;
  return guarded(context, [&] {
    double* demissions = open(args->demissions, forward.time * forward.batch * tags);
    double* dtransitions = open(args->dtransitions, tags * tags);
    double *dstart = open(args->dstart, tags), *dend = open(args->dend, tags);
    double *terms = scratch(context, tags), *beta = scratch(context, tags);
    double* next = scratch(context, tags);
    const double* alpha = real(forward.reserve);
    for (int64_t b = 0; b < forward.batch; ++b) {
      const Row row(forward, b);
      if (row.length == 0) continue;
      const double total = row.total(alpha, terms);
      if (total == -INFINITY) continue;
      const double dy = real(args->dlikelihoods)[b];
      for (int64_t t = row.length - 1; t >= 0; --t) {
        const bool last = t == row.length - 1;
        const double* at = alpha + row.step(t);
        // next: emissions and beta of the step after, together.
        for (int64_t j = 0; j < tags && !last; ++j) next[j] = row.emission(t + 1)[j] + beta[j];
        for (int64_t i = 0; i < tags; ++i) {
          for (int64_t j = 0; j < tags && !last; ++j)
            terms[j] = row.transitions[i * tags + j] + next[j];
          beta[i] = last ? row.end[i] : log_sum(terms, tags);
          const double slope = dy * ((row.target(t) == i) - std::exp(at[i] + beta[i] - total));
          if (demissions) demissions[row.step(t) + i] += slope;
          if (dstart && t == 0) dstart[i] += slope;
          if (dend && last) dend[i] += slope;
          for (int64_t j = 0; j < tags && !last && dtransitions; ++j) {
            const bool taken = row.target(t) == i && row.target(t + 1) == j;
            dtransitions[i * tags + j] += dy * (taken - std::exp(at[i] + terms[j] - total));
          }
        }
      }
    }
  });
}

}  // namespace rnnative::reference

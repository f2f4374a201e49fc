// Softmax over rows, three passes over a row that stays in cache: maximum, exponentials and their
// sum, scale. Shifting by the maximum keeps exp from overflowing; a row of nothing but -inf, or
// with +inf or NaN, gives NaN as in PyTorch.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/softmax_rows.h"

namespace rnnative::cpu::RN_ISA {
namespace {

void log_softmax_row(const float* x, float* y, int64_t n) {
  const vf shift = splat(row_maximum(x, n));
  const double total =
      sum_lanes(n, [=](int64_t i, auto at) { return at.keep(exp(at.load(x + i) - shift), 0); });
  const vf log_total = splat((float)::log(total));
  each_vector(0, n,
              [=](int64_t i, auto at) { at.store(y + i, at.load(x + i) - shift - log_total); });
}

// dx (+)= dy - exp(y) * sum(dy).
template <bool kAdd>
void log_softmax_row_backward(const float* y, const float* dy, float* dx, int64_t n) {
  const vf total = splat((float)sum_lanes(n, [=](int64_t i, auto at) { return at.load(dy + i); }));
  each_vector(0, n, [=](int64_t i, auto at) {
    put<kAdd>(at, dx + i, at.load(dy + i) - exp(at.load(y + i)) * total);
  });
}

}  // namespace

int32_t softmax(RnContext* ctx, const RnSoftmax* args) {
  const int64_t n = args->columns;
  const auto row_kernel = args->log ? log_softmax_row : softmax_row;
  parallel_items(ctx, args->rows, n, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      row_kernel((const float*)args->x + row * n, (float*)args->y + row * n, n);
  });
  return RN_OK;
}

int32_t softmax_backward(RnContext* ctx, const RnSoftmaxBackward* args) {
  if (args->dx.mode == RN_GRAD_SKIP) return RN_OK;
  const int64_t n = args->columns;
  const bool add = args->dx.mode == RN_GRAD_ADD;
  const auto row_kernel =
      args->log ? add ? log_softmax_row_backward<true> : log_softmax_row_backward<false>
      : add ? softmax_row_backward<true>
                : softmax_row_backward<false>;
  parallel_items(ctx, args->rows, n, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      row_kernel((const float*)args->y + row * n, (const float*)args->dy + row * n,
                 (float*)args->dx.data + row * n, n);
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

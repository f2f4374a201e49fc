// h' = f(W x + b_ih + R h + b_hh), f = tanh (Elman 1990), or by option.
#include "native/reference/recurrent/cells/activation.h"

namespace rnnative::reference {
namespace {

constexpr RnCellOptions kTanh = {0, RN_ACTIVATION_TANH, 0, INFINITY, INFINITY};

// saved: [H] the sums.
template <bool kByOption>
void forward(const StepForward& step) {
  const RnCellOptions& by = kByOption ? *step.options : kTanh;
  step.recurrent_sums(step.hidden, step.saved);
  for (int64_t j = 0; j < step.hidden; ++j) {
    step.saved[j] += step.wx[j];
    step.h_next[j] = candidate_of(by, step.saved[j]);
  }
}

template <bool kByOption>
void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  const RnCellOptions& by = kByOption ? *step.options : kTanh;
  for (int64_t j = 0; j < H; ++j)
    step.dwx[j] = step.dh_next[j] * candidate_slope(by, step.saved[j]);
  step.recurrent_sums_backward(H, step.dwx);
}

}  // namespace

const Cell rnn_tanh_cell = {1, forward<false>, backward<false>};
const Cell rnn_general_cell = {1, forward<true>, backward<true>};

}  // namespace rnnative::reference

// h' = f(W x + b_ih + R h + b_hh), f = tanh (Elman 1990) or relu. f' follows from h' alone.
#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {
namespace {

template <double (*f)(double)>
void forward(const StepForward& step) {
  affine(step.w_hh, step.b_hh, step.operand, step.hidden, step.hidden, step.h_next);
  for (int64_t j = 0; j < step.hidden; ++j) step.h_next[j] = f(step.wx[j] + step.h_next[j]);
}

template <double (*slope)(double)>
void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  for (int64_t j = 0; j < H; ++j) step.dwx[j] = step.dh_next[j] * slope(step.h_next[j]);
  affine_backward(step.w_hh, step.operand, step.dwx, H, H, step.dw_hh, step.db_hh, step.doperand);
}

double tanh_value(double a) {
  return std::tanh(a);
}
double tanh_slope(double y) {
  return 1 - y * y;
}
double relu_value(double a) {
  return a < 0 ? 0 : a;
}
double relu_slope(double y) {
  return y > 0 ? 1 : 0;
}

}  // namespace

const Cell rnn_tanh_cell = {0, forward<tanh_value>, backward<tanh_slope>};
const Cell rnn_relu_cell = {0, forward<relu_value>, backward<relu_slope>};

}  // namespace rnnative::reference

// Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000. Rows i f g o:
//   c' = f c + i g;  h' = o tanh(c')
#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {
namespace {

// saved: [4, H] the gates after their activation.
void forward(const StepForward& step) {
  const int64_t H = step.hidden;
  double *i = step.saved, *f = i + H, *g = f + H, *o = g + H;
  affine(step.w_hh, step.b_hh, step.operand, 4 * H, step.state, step.saved);
  for (int64_t j = 0; j < H; ++j) {
    i[j] = sigmoid(step.wx[j] + i[j]);
    f[j] = sigmoid(step.wx[H + j] + f[j]);
    g[j] = std::tanh(step.wx[2 * H + j] + g[j]);
    o[j] = sigmoid(step.wx[3 * H + j] + o[j]);
    step.c_next[j] = f[j] * step.c[j] + i[j] * g[j];
    step.h_next[j] = o[j] * std::tanh(step.c_next[j]);
  }
}

void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  const double *i = step.saved, *f = i + H, *g = f + H, *o = g + H;
  double *di = step.dwx, *df = di + H, *dg = df + H, *d_o = dg + H;
  for (int64_t j = 0; j < H; ++j) {
    const double tanh_c = std::tanh(step.c_next[j]);
    const double dc = step.dc_next[j] + step.dh_next[j] * o[j] * (1 - tanh_c * tanh_c);
    di[j] = dc * g[j] * i[j] * (1 - i[j]);
    df[j] = dc * step.c[j] * f[j] * (1 - f[j]);
    dg[j] = dc * i[j] * (1 - g[j] * g[j]);
    d_o[j] = step.dh_next[j] * tanh_c * o[j] * (1 - o[j]);
    step.dc[j] += dc * f[j];
  }
  affine_backward(step.w_hh, step.operand, step.dwx, 4 * H, step.state, step.dw_hh, step.db_hh,
                  step.doperand);
}

}  // namespace

const Cell lstm_cell = {4, forward, backward};

}  // namespace rnnative::reference

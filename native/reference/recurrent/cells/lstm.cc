// Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000. Rows i f g o:
//   c' = f c + i g;  h' = o tanh(c')
#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {
namespace {

// saved: [4, H] the gates after their activation.
void forward(const StepForward& step) {
  const int64_t H = step.hidden;
  double *i = step.saved, *f = i + H, *g = f + H, *o = g + H;
  step.recurrent_sums(4 * H, step.saved);
  for (int64_t j = 0; j < H; ++j) {
    i[j] = sigmoid(step.wx[j] + i[j]);
    f[j] = sigmoid(step.wx[H + j] + f[j]);
    g[j] = std::tanh(step.wx[2 * H + j] + g[j]);
    o[j] = sigmoid(step.wx[3 * H + j] + o[j]);
    step.c_next[j] = f[j] * step.c[j] + i[j] * g[j];
  }
  const std::vector<double> seen = seen_of(step.norm, step.c_next, H);
  for (int64_t j = 0; j < H; ++j) step.h_next[j] = o[j] * std::tanh(seen[static_cast<size_t>(j)]);
}

void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  const double *i = step.saved, *f = i + H, *g = f + H, *o = g + H;
  double *di = step.dwx, *df = di + H, *dg = df + H, *d_o = dg + H;
  const std::vector<double> seen = seen_of(step.norm, step.c_next, H);
  std::vector<double> dseen(seen.size());
  for (int64_t j = 0; j < H; ++j) {
    const double tanh_c = std::tanh(seen[static_cast<size_t>(j)]);
    dseen[static_cast<size_t>(j)] = step.dh_next[j] * o[j] * (1 - tanh_c * tanh_c);
    d_o[j] = step.dh_next[j] * tanh_c * o[j] * (1 - o[j]);
  }
  seen_backward(step.norm, step.c_next, &dseen);
  for (int64_t j = 0; j < H; ++j) {
    const double dc = step.dc_next[j] + dseen[static_cast<size_t>(j)];
    di[j] = dc * g[j] * i[j] * (1 - i[j]);
    df[j] = dc * step.c[j] * f[j] * (1 - f[j]);
    dg[j] = dc * i[j] * (1 - g[j] * g[j]);
    step.dc[j] += dc * f[j];
  }
  step.recurrent_sums_backward(4 * H, step.dwx);
}

}  // namespace

const Cell lstm_cell = {4, forward, backward};

}  // namespace rnnative::reference

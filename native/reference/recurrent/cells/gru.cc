// The GRU of cuDNN and PyTorch: the reset gate acts after the recurrent product. Rows r z n:
//   n = tanh(W x + b_in + r (R h + b_hn));  h' = (1 - z) n + z h
#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {
namespace {

// saved: [4, H] r, z, n and q = R_n h + b_hn.
void forward(const StepForward& step) {
  const int64_t H = step.hidden;
  double *r = step.saved, *z = r + H, *n = z + H, *q = n + H;
  const double* rh = step.work;
  affine(step.w_hh, step.b_hh, step.operand, 3 * H, H, step.work);
  for (int64_t j = 0; j < H; ++j) {
    r[j] = sigmoid(step.wx[j] + rh[j]);
    z[j] = sigmoid(step.wx[H + j] + rh[H + j]);
    q[j] = rh[2 * H + j];
    n[j] = std::tanh(step.wx[2 * H + j] + r[j] * q[j]);
    step.h_next[j] = (1 - z[j]) * n[j] + z[j] * step.h[j];
  }
}

void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  const double *r = step.saved, *z = r + H, *n = z + H, *q = n + H;
  double *dr = step.dwx, *dz = dr + H, *dn = dz + H;
  double* drh = step.work;  // gradient of R h + b_hh
  for (int64_t j = 0; j < H; ++j) {
    const double dh = step.dh_next[j];
    dn[j] = dh * (1 - z[j]) * (1 - n[j] * n[j]);
    dz[j] = dh * (step.h[j] - n[j]) * z[j] * (1 - z[j]);
    dr[j] = dn[j] * q[j] * r[j] * (1 - r[j]);
    drh[j] = dr[j];
    drh[H + j] = dz[j];
    drh[2 * H + j] = dn[j] * r[j];
    step.dh[j] += dh * z[j];
  }
  affine_backward(step.w_hh, step.operand, drh, 3 * H, H, step.dw_hh, step.db_hh, step.doperand);
}

}  // namespace

const Cell gru_cell = {4, forward, backward};

}  // namespace rnnative::reference

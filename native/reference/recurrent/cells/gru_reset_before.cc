// The GRU as first published (Cho et al. 2014): the reset gate acts on the state before the
// recurrent product, which therefore needs the gates first: two products a step. Rows r z n:
//   n = tanh(W x + b_in + R (r h) + b_hn);  h' = (1 - z) n + z h
#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {
namespace {

const double* after(const double* data, int64_t n) {
  return data ? data + n : nullptr;
}
double* after(double* data, int64_t n) {
  return data ? data + n : nullptr;
}

// saved: [3, H] r, z, n.
void forward(const StepForward& step) {
  const int64_t H = step.hidden;
  double *r = step.saved, *z = r + H, *n = z + H;
  affine(step.w_hh, step.b_hh, step.operand, 2 * H, H, step.saved);
  for (int64_t j = 0; j < H; ++j) {
    r[j] = sigmoid(step.wx[j] + r[j]);
    z[j] = sigmoid(step.wx[H + j] + z[j]);
    step.work[j] = r[j] * step.operand[j];
  }
  affine(step.w_hh + 2 * H * H, after(step.b_hh, 2 * H), step.work, H, H, n);
  for (int64_t j = 0; j < H; ++j) {
    n[j] = std::tanh(step.wx[2 * H + j] + n[j]);
    step.h_next[j] = (1 - z[j]) * n[j] + z[j] * step.h[j];
  }
}

void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  const double *r = step.saved, *z = r + H, *n = z + H;
  double *dr = step.dwx, *dz = dr + H, *dn = dz + H;
  double *rh = step.work, *drh = rh + H;  // r times the operand, and its gradient
  for (int64_t j = 0; j < H; ++j) {
    const double dh = step.dh_next[j];
    dn[j] = dh * (1 - z[j]) * (1 - n[j] * n[j]);
    dz[j] = dh * (step.h[j] - n[j]) * z[j] * (1 - z[j]);
    rh[j] = r[j] * step.operand[j];
    drh[j] = 0;
    step.dh[j] += dh * z[j];
  }
  affine_backward(step.w_hh + 2 * H * H, rh, dn, H, H, after(step.dw_hh, 2 * H * H),
                  after(step.db_hh, 2 * H), drh);
  for (int64_t j = 0; j < H; ++j) {
    dr[j] = drh[j] * step.operand[j] * r[j] * (1 - r[j]);
    step.doperand[j] += drh[j] * r[j];
  }
  affine_backward(step.w_hh, step.operand, step.dwx, 2 * H, H, step.dw_hh, step.db_hh,
                  step.doperand);
}

}  // namespace

const Cell gru_reset_before_cell = {3, forward, backward};

}  // namespace rnnative::reference

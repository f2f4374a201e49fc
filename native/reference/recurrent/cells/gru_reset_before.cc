// The GRU as first published (Cho et al. 2014): the reset gate acts on the state before the
// recurrent product, which therefore needs the gates first: two products a step. Rows r z n:
//   n = tanh(W x + b_in + R (r h) + b_hn);  h' = (1 - z) n + z h,
// activations and clipping by option.
#include "native/reference/recurrent/cells/activation.h"

namespace rnnative::reference {
namespace {

const double* after(const double* data, int64_t n) {
  return data ? data + n : nullptr;
}
double* after(double* data, int64_t n) {
  return data ? data + n : nullptr;
}

// saved: [3, H] the sums of r, z, n.
void forward(const StepForward& step) {
  const int64_t H = step.hidden;
  const RnCellOptions& by = *step.options;
  double *r = step.saved, *z = r + H, *n = z + H;
  affine(step.by, step.w_hh, step.b_hh, step.operand, 2 * H, H, step.saved);
  for (int64_t j = 0; j < H; ++j) {
    r[j] += step.wx[j];
    z[j] += step.wx[H + j];
    step.work[j] = gate_of(by, r[j]) * step.operand[j];
  }
  affine(step.by, step.w_hh + 2 * H * H, after(step.b_hh, 2 * H), step.work, H, H, n);
  for (int64_t j = 0; j < H; ++j) {
    n[j] += step.wx[2 * H + j];
    const double update = gate_of(by, z[j]);
    step.h_next[j] = (1 - update) * candidate_of(by, n[j]) + update * step.h[j];
  }
}

void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  const RnCellOptions& by = *step.options;
  const double *r = step.saved, *z = r + H, *n = z + H;
  double *dr = step.dwx, *dz = dr + H, *dn = dz + H;
  double *rh = step.work, *drh = rh + H;  // r times the operand, and its gradient
  for (int64_t j = 0; j < H; ++j) {
    const double dh = step.dh_next[j], update = gate_of(by, z[j]);
    dn[j] = dh * (1 - update) * candidate_slope(by, n[j]);
    dz[j] = dh * (step.h[j] - candidate_of(by, n[j])) * gate_slope(by, z[j]);
    rh[j] = gate_of(by, r[j]) * step.operand[j];
    drh[j] = 0;
    step.dh[j] += dh * update;
  }
  affine_backward(step.w_hh + 2 * H * H, rh, dn, H, H, after(step.dw_hh, 2 * H * H),
                  after(step.db_hh, 2 * H), drh);
  for (int64_t j = 0; j < H; ++j) {
    dr[j] = drh[j] * step.operand[j] * gate_slope(by, r[j]);
    step.doperand[j] += drh[j] * gate_of(by, r[j]);
  }
  affine_backward(step.w_hh, step.operand, step.dwx, 2 * H, H, step.dw_hh, step.db_hh,
                  step.doperand);
}

}  // namespace

const Cell gru_reset_before_cell = {3, forward, backward};

}  // namespace rnnative::reference

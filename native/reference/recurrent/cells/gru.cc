// The GRU of cuDNN and PyTorch: the reset gate acts after the recurrent product. Rows r z n:
//   n = tanh(W x + b_in + r (R h + b_hn));  h' = (1 - z) n + z h,
// activations and clipping by option where it is the general one.
#include "native/reference/recurrent/cells/activation.h"

namespace rnnative::reference {
namespace {

constexpr RnCellOptions kUsual = {RN_ACTIVATION_SIGMOID, RN_ACTIVATION_TANH, 0, INFINITY, INFINITY};

// saved: [4, H] the sums of r, z, n, and q = R_n h + b_hn.
template <bool kByOption>
void forward(const StepForward& step) {
  const int64_t H = step.hidden;
  double *r = step.saved, *z = r + H, *n = z + H, *q = n + H;
  const RnCellOptions& by = kByOption ? *step.options : kUsual;
  const double* rh = step.work;
  step.recurrent_sums(3 * H, step.work);
  for (int64_t j = 0; j < H; ++j) {
    r[j] = step.wx[j] + rh[j];
    z[j] = step.wx[H + j] + rh[H + j];
    q[j] = rh[2 * H + j];
    n[j] = step.wx[2 * H + j] + gate_of(by, r[j]) * q[j];
    const double update = gate_of(by, z[j]);
    step.h_next[j] = (1 - update) * candidate_of(by, n[j]) + update * step.h[j];
  }
}

template <bool kByOption>
void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  const RnCellOptions& by = kByOption ? *step.options : kUsual;
  const double *r = step.saved, *z = r + H, *n = z + H, *q = n + H;
  double *dr = step.dwx, *dz = dr + H, *dn = dz + H;
  double* drh = step.work;  // gradient of R h + b_hh
  for (int64_t j = 0; j < H; ++j) {
    const double dh = step.dh_next[j], update = gate_of(by, z[j]);
    dn[j] = dh * (1 - update) * candidate_slope(by, n[j]);
    dz[j] = dh * (step.h[j] - candidate_of(by, n[j])) * gate_slope(by, z[j]);
    dr[j] = dn[j] * q[j] * gate_slope(by, r[j]);
    drh[j] = dr[j];
    drh[H + j] = dz[j];
    drh[2 * H + j] = dn[j] * gate_of(by, r[j]);
    step.dh[j] += dh * update;
  }
  step.recurrent_sums_backward(3 * H, drh);
}

}  // namespace

const Cell gru_cell = {4, forward<false>, backward<false>};
const Cell gru_general_cell = {4, forward<true>, backward<true>};

}  // namespace rnnative::reference

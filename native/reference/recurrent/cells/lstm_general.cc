// The LSTM with peepholes (Gers et al. 2002), activations and clipping by option; rows i f g o, or,
// with f = 1 - i (Greff et al. 2017), i g o. Its words: native/cells/lstm_general.h.
#include "native/reference/recurrent/cells/activation.h"

namespace rnnative::reference {
namespace {

double times(const double* p, int64_t j, double c) {
  return p ? p[j] * c : 0;
}

// saved: [G, H] the sums of the gates, peepholes included.
template <bool kCoupled>
struct Gates {
  static constexpr int64_t kCount = kCoupled ? 3 : 4;
  double *i, *f, *g, *o;  // f: not where it is coupled
  Gates(double* of, int64_t H)
      : i(of), f(kCoupled ? nullptr : of + H), g(of + (kCount - 2) * H), o(g + H) {}
};

template <bool kCoupled>
void forward(const StepForward& step) {
  const int64_t H = step.hidden;
  const RnCellOptions& by = *step.options;
  const Gates<kCoupled> a(step.saved, H);
  step.recurrent_sums(a.kCount * H, step.saved);
  for (int64_t n = 0; n < a.kCount * H; ++n) step.saved[n] += step.wx[n];
  const auto gate = [&](double sum) { return gate_of(by, sum); };
  for (int64_t j = 0; j < H; ++j) {
    a.i[j] += times(step.peepholes[0], j, step.c[j]);
    const double i = gate(a.i[j]);
    double f = 1 - i;
    if (!kCoupled) {
      a.f[j] += times(step.peepholes[1], j, step.c[j]);
      f = gate(a.f[j]);
    }
    const double g = candidate_of(by, a.g[j]);
    step.c_next[j] = clip(f * step.c[j] + i * g, by.cell_clip);
    a.o[j] += times(step.peepholes[2], j, step.c_next[j]);
  }
  const std::vector<double> seen = seen_of(step.norm, step.c_next, H);
  for (int64_t j = 0; j < H; ++j)
    step.h_next[j] = gate(a.o[j]) * value(by.output, seen[static_cast<size_t>(j)]);
}

template <bool kCoupled>
void backward(const StepBackward& step) {
  const int64_t H = step.hidden;
  const RnCellOptions& by = *step.options;
  const Gates<kCoupled> a(const_cast<double*>(step.saved), H), d(step.dwx, H);
  const auto gate = [&](double sum) { return gate_of(by, sum); };
  const std::vector<double> seen = seen_of(step.norm, step.c_next, H);
  std::vector<double> dseen(seen.size());
  for (int64_t j = 0; j < H; ++j) {
    const double s = seen[static_cast<size_t>(j)], dh = step.dh_next[j];
    d.o[j] = dh * value(by.output, s) * gate_slope(by, a.o[j]);
    dseen[static_cast<size_t>(j)] = dh * gate(a.o[j]) * slope(by.output, s);
  }
  seen_backward(step.norm, step.c_next, &dseen);
  for (int64_t j = 0; j < H; ++j) {
    const double i = gate(a.i[j]), f = kCoupled ? 1 - i : gate(a.f[j]);
    const double g = candidate_of(by, a.g[j]), c = step.c_next[j];
    double dc = step.dc_next[j] + dseen[static_cast<size_t>(j)];
    dc += times(step.peepholes[2], j, d.o[j]);
    if (!within(f * step.c[j] + i * g, by.cell_clip)) dc = 0;
    d.i[j] = dc * (kCoupled ? g - step.c[j] : g) * gate_slope(by, a.i[j]);
    d.g[j] = dc * i * candidate_slope(by, a.g[j]);
    step.dc[j] += dc * f + times(step.peepholes[0], j, d.i[j]);
    if (!kCoupled) {
      d.f[j] = dc * step.c[j] * gate_slope(by, a.f[j]);
      step.dc[j] += times(step.peepholes[1], j, d.f[j]);
    }
    const double *of[] = {d.i, d.f, d.o}, seen[] = {step.c[j], step.c[j], c};
    for (int k = 0; k < RN_PEEPHOLES; ++k)
      if (step.dpeepholes[k]) step.dpeepholes[k][j] += of[k][j] * seen[k];
  }
  step.recurrent_sums_backward(a.kCount * H, step.dwx);
}

}  // namespace

const Cell lstm_general_cell = {4, forward<false>, backward<false>};
const Cell lstm_coupled_cell = {3, forward<true>, backward<true>};

}  // namespace rnnative::reference

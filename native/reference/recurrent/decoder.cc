// The attentional decoder, one row of the batch at a time: its steps in order, each of them input,
// layers, attention. Backward (decoder_backward.cc) goes through the same steps from the last to
// the first.
#include "native/reference/recurrent/decoder.h"
#include "native/reference/recurrent/phases/zoneout.h"

namespace rnnative::reference {
namespace {

void make_query(const Decoder& d, const double* h, double* query) {
  if (d.args.w_query.data) {
    affine({d.desc.stack.precision, 0}, real(d.args.w_query.data), nullptr, h, d.A, d.P, query);
  } else {
    std::copy_n(h, d.P, query);
  }
}

// h~ = tanh(W [context; h] + b); joined: [V + P] work.
void make_output(const Decoder& d, const double* context, const double* h, double* joined,
                 double* output) {
  std::copy_n(context, d.V, joined);
  std::copy_n(h, d.P, joined + d.V);
  affine({d.desc.stack.precision, 0}, real(d.args.w_out.data), real(d.args.b_out.data), joined, d.D,
         d.V + d.P, output);
  for (int64_t i = 0; i < d.D; ++i) output[i] = std::tanh(output[i]);
}

// h, c: [L, P] and [L, H] states, fed: [F]; all change from step to step.
struct State {
  double *h, *c, *fed;
};

void run_layers(const Decoder& d, int64_t t, int64_t b, const State& state, double* wx,
                double* work) {
  const int64_t row = t * d.B + b, gates = d.stack.gates * d.H;
  const Arithmetic by = {d.desc.stack.precision, 0};
  for (int64_t l = 0; l < d.L; ++l) {
    const RnRecurrentSlots& slots = d.args.slots[l];
    const int64_t in = l == 0 ? d.E + d.F : d.P;
    double *h = state.h + l * d.P, *c = state.c + l * d.H;
    const LayerNorm norm(d.desc.stack, slots);
    form_sums(norm.input(slots, d.input_of(l, row), in, {by.precision, l == 0 ? d.E : 0}), gates,
              wx);
    d.stack.cell.forward({d.H, d.P, wx, real(slots.slot[RN_W_HH].data),
                          real(slots.slot[RN_B_HH].data), h, c, h, d.gates(l, row),
                          d.made_h(l, row), d.made_c(l, row), work, &d.desc.stack.options,
                          Peepholes(slots).of, norm.of, by});
    if (d.stack.projects)
      affine(by, real(slots.slot[RN_W_HR].data), nullptr, d.made_h(l, row), d.P, d.H, d.h(l, row));
    if (d.stack.zones()) {
      const Zoneout zoneout(d.desc.stack, l);
      zoneout.h.forward(t, b, h, d.stack.projects ? d.h(l, row) : d.made_h(l, row), d.h(l, row));
      if (d.stack.has_c) zoneout.c.forward(t, b, c, d.made_c(l, row), d.c(l, row));
    }
    std::copy_n(d.h(l, row), d.P, h);
    if (d.stack.has_c) std::copy_n(d.c(l, row), d.H, c);
    if (l == d.L - 1) continue;
    for (int64_t i = 0; i < d.P; ++i)
      d.input_of(l + 1, row)[i] = h[i] * d.factor(l, b, t * d.P + i);
  }
}

void run_step(const Decoder& d, int64_t t, int64_t b, const State& state, double* wx,
              double* work) {
  const int64_t row = t * d.B + b;
  double* weights = real(d.args.weights) + row * d.desc.keys;
  const double* top = state.h + (d.L - 1) * d.P;
  std::copy_n(real(d.args.x) + row * d.E, d.E, d.input(row));
  if (!d.feeds_output()) {
    make_query(d, top, d.query(row));
    attend(d.memory(b), d.query(row), weights, d.context(row));
    std::copy_n(d.context(row), d.V, state.fed);
    std::copy_n(d.context(row), d.V, real(d.args.context) + row * d.V);
  }
  std::copy_n(state.fed, d.F, d.input(row) + d.E);
  run_layers(d, t, b, state, wx, work);
  if (!d.feeds_output()) {
    std::copy_n(top, d.P, real(d.args.y) + row * d.P);
    return;
  }
  make_query(d, top, d.query(row));
  attend(d.memory(b), d.query(row), weights, d.context(row));
  make_output(d, d.context(row), top, work, d.before_dropout(row));
  for (int64_t i = 0; i < d.D; ++i)
    state.fed[i] = d.before_dropout(row)[i] * d.factor(d.L - 1, b, t * d.D + i);
  std::copy_n(state.fed, d.D, real(d.args.y) + row * d.D);
}

}  // namespace

size_t decoder_reserve(const RnDecoderDesc* desc) {
  return static_cast<size_t>(Decoder::size(*desc)) * sizeof(double);
}

int32_t decoder(RnContext* context, const RnDecoderForward* args) {
  if (int32_t status = check_all_lengths(context, *args)) return status;
  return guarded(context, [&] {
    void* memory = args->reserve;
    if (!memory) memory = scratch(context, Decoder::size(args->desc));
    const Decoder d(*args, memory);
    const int64_t wide = d.stack.gates * d.H;
    double* h = scratch(context, d.L * (d.P + d.H) + d.F + 2 * wide + d.V + d.P);
    const State state = {h, h + d.L * d.P, h + d.L * (d.P + d.H)};
    double *wx = state.fed + d.F, *work = wx + wide;
    std::fill_n(real(args->y), d.rows * (d.feeds_output() ? d.D : d.P), 0.0);
    std::fill_n(real(args->weights), d.rows * d.desc.keys, 0.0);
    if (args->context) std::fill_n(real(args->context), d.rows * d.V, 0.0);
    for (int64_t b = 0; b < d.B; ++b) {
      load_states(d, args->h0, b, d.P, state.h);
      load_states(d, args->c0, b, d.H, state.c);
      copy_or_zero(args->fed0, b * d.F, d.F, state.fed);
      for (int64_t t = 0; t < d.length(b); ++t) run_step(d, t, b, state, wx, work);
      for (int64_t l = 0; l < d.L; ++l) {
        const int64_t at = l * d.B + b;
        std::copy_n(state.h + l * d.P, d.P, real(args->hn) + at * d.P);
        if (args->cn) std::copy_n(state.c + l * d.H, d.H, real(args->cn) + at * d.H);
      }
      if (args->fedn) std::copy_n(state.fed, d.F, real(args->fedn) + b * d.F);
    }
  });
}

}  // namespace rnnative::reference

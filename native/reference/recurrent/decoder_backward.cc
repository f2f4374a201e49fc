// The gradients of the attentional decoder, a row of the batch at a time: from the last step to the
// first.
#include "native/reference/recurrent/decoder.h"
#include "native/reference/recurrent/phases/zoneout.h"

namespace rnnative::reference {
namespace {

// Gradients of the weights; NULL: not wanted.
struct WeightGradients {
  double *w_query, *v, *w_out, *b_out;
};

struct Backward {
  const Decoder& d;
  const RnDecoderBackward& args;
  WeightGradients weights;
  const SlotGradients* layers;
  double *dx, *dkeys, *dvalues;
};

// The gradient of h from that of the attention's context.
void attention_step(const Backward& g, int64_t row, int64_t b, const double* h,
                    const double* dcontext, double* dh, double* dquery, double* scores) {
  const Decoder& d = g.d;
  std::fill_n(dquery, d.A, 0.0);
  attend_backward(d.memory(b), d.query(row), real(d.args.weights) + row * d.desc.keys, dcontext,
                  g.args.dweights ? real(g.args.dweights) + row * d.desc.keys : nullptr,
                  {dquery, g.dkeys ? g.dkeys + b * d.A : nullptr,
                   g.dvalues ? g.dvalues + b * d.V : nullptr, g.weights.v},
                  scores);
  if (d.args.w_query.data) {
    affine_backward(real(d.args.w_query.data), h, dquery, d.A, d.P, g.weights.w_query, nullptr, dh);
  } else {
    add(dquery, d.P, dh);
  }
}

// The gradients of states that flow from step to step, and room to work.
struct Flow {
  double *dh, *dc, *dfed;                     // [L, P], [L, H], [F]
  double *dtop, *dcontext, *dinput, *dquery;  // [P], [V], [max(E + F, P)], [A]
  double *dh_next, *dc_next, *dwx, *scores;   // [P], [H], [G * H], [Tk]
  double *joined, *djoined, *doutput, *work;  // [V + P], [V + P], [D], [G * H]
  double *h0, *c0, *dmade;                    // [L, P], [L, H], [H]
};

void output_backward(const Backward& g, const Flow& f, int64_t t, int64_t b) {
  const Decoder& d = g.d;
  const int64_t row = t * d.B + b;
  const double *h = d.h(d.L - 1, row), *y = d.before_dropout(row);
  for (int64_t i = 0; i < d.D; ++i) {
    const double dy = f.dfed[i] + (g.args.dy ? real(g.args.dy)[row * d.D + i] : 0);
    f.doutput[i] = dy * d.factor(d.L - 1, b, t * d.D + i) * (1 - y[i] * y[i]);
  }
  std::copy_n(d.context(row), d.V, f.joined);
  std::copy_n(h, d.P, f.joined + d.V);
  std::fill_n(f.djoined, d.V + d.P, 0.0);
  affine_backward(real(d.args.w_out.data), f.joined, f.doutput, d.D, d.V + d.P, g.weights.w_out,
                  g.weights.b_out, f.djoined);
  std::copy_n(f.djoined + d.V, d.P, f.dtop);
  attention_step(g, row, b, h, f.djoined, f.dtop, f.dquery, f.scores);
}

// From f.dtop down to f.dinput, the gradient of [x; fed].
void layers_backward(const Backward& g, const Flow& f, int64_t t, int64_t b) {
  const Decoder& d = g.d;
  const int64_t row = t * d.B + b, before = row - d.B, gates = d.stack.gates * d.H;
  for (int64_t l = d.L - 1; l >= 0; --l) {
    const RnRecurrentSlots& slots = d.args.slots[l];
    const SlotGradients& to = g.layers[l];
    const LayerNorm norm(d.desc.stack, slots, &to);
    double *dh = f.dh + l * d.P, *dc = f.dc + l * d.H;
    for (int64_t i = 0; i < d.P; ++i) {
      f.dh_next[i] = dh[i] + f.dtop[i];
      dh[i] = 0;
    }
    for (int64_t i = 0; i < d.H; ++i) {
      f.dc_next[i] = dc[i];
      dc[i] = f.dmade[i] = 0;
    }
    const Zoneout zoneout(d.desc.stack, l);
    zoneout.h.backward(t, b, f.dh_next, dh);
    if (d.stack.has_c) zoneout.c.backward(t, b, f.dc_next, dc);
    if (d.stack.projects)
      affine_backward(real(slots.slot[RN_W_HR].data), d.made_h(l, row), f.dh_next, d.P, d.H,
                      to.slot[RN_W_HR], nullptr, f.dmade);
    const double* h = t > 0 ? d.h(l, before) : f.h0 + l * d.P;
    d.stack.cell.backward({d.H,
                           d.P,
                           real(slots.slot[RN_W_HH].data),
                           h,
                           t > 0 ? d.c(l, before) : f.c0 + l * d.H,
                           h,
                           d.gates(l, row),
                           d.made_h(l, row),
                           d.made_c(l, row),
                           d.stack.projects ? f.dmade : f.dh_next,
                           f.dc_next,
                           f.dwx,
                           dh,
                           dc,
                           dh,
                           to.slot[RN_W_HH],
                           to.slot[RN_B_HH],
                           f.work,
                           &d.desc.stack.options,
                           Peepholes(slots).of,
                           to.slot + RN_P_I,
                           norm.of});
    const int64_t in = l == 0 ? d.E + d.F : d.P;
    std::fill_n(f.dinput, in, 0.0);
    form_sums_backward(norm.input(slots, d.input_of(l, row), in, Arithmetic()), gates, f.dwx,
                       to.slot[RN_W_IH], to.slot[RN_B_IH], f.dinput);
    for (int64_t i = 0; l > 0 && i < d.P; ++i)
      f.dtop[i] = f.dinput[i] * d.factor(l - 1, b, t * d.P + i);
  }
}

void step_backward(const Backward& g, const Flow& f, int64_t t, int64_t b) {
  const Decoder& d = g.d;
  const int64_t row = t * d.B + b, top = (d.L - 1) * d.P;
  if (d.feeds_output()) {
    output_backward(g, f, t, b);
  } else {
    copy_or_zero(g.args.dy, row * d.P, d.P, f.dtop);
  }
  layers_backward(g, f, t, b);
  add(f.dinput, d.E, g.dx ? g.dx + row * d.E : nullptr);
  if (d.feeds_output()) {
    std::copy_n(f.dinput + d.E, d.F, f.dfed);
    return;
  }
  copy_or_zero(g.args.dcontext, row * d.V, d.V, f.dcontext);
  add(f.dinput + d.E, d.V, f.dcontext);
  const double* h = t > 0 ? d.h(d.L - 1, row - d.B) : f.h0 + top;
  attention_step(g, row, b, h, f.dcontext, f.dh + top, f.dquery, f.scores);
}

}  // namespace

int32_t decoder_backward(RnContext* context, const RnDecoderBackward* args) {
  const RnDecoderForward& forward = args->forward;
  if (int32_t status = check_all_lengths(context, forward)) return status;
  return guarded(context, [&] {
    const Decoder d(forward, forward.reserve);
    const int64_t wide = d.stack.gates * d.H, hs = d.L * d.P, cs = d.L * d.H;
    SlotGradients* layers = static_cast<SlotGradients*>(
        context->scratch(context->runtime, static_cast<size_t>(d.L) * sizeof(SlotGradients)));
    if (!layers) throw std::bad_alloc();
    for (int64_t l = 0; l < d.L; ++l)
      layers[l] = d.stack.open_gradients(args->dslots[l], l == 0 ? d.E + d.F : d.P);
    const Backward g = {d,
                        *args,
                        {open(args->dw_query, d.A * d.P), open(args->dv, d.A),
                         open(args->dw_out, d.D * (d.V + d.P)), open(args->db_out, d.D)},
                        layers,
                        open(args->dx, d.rows * d.E),
                        open(args->dkeys, d.desc.keys * d.B * d.A),
                        open(args->dvalues, d.desc.keys * d.B * d.V)};
    double *dh0 = open(args->dh0, d.B * hs), *dc0 = open(args->dc0, d.B * cs);
    double* dfed0 = open(args->dfed0, d.B * d.F);
    const auto room = [&](int64_t n) { return scratch(context, n); };
    const Flow f = {room(hs),        room(cs),          room(d.F),
                    room(d.P),       room(d.V),         room(d.E + d.F + d.P),
                    room(d.A),       room(d.P),         room(d.H),
                    room(wide),      room(d.desc.keys), room(d.V + d.P),
                    room(d.V + d.P), room(d.D),         room(wide),
                    room(hs),        room(cs),          room(d.H)};
    for (int64_t b = 0; b < d.B; ++b) {
      load_states(d, forward.h0, b, d.P, f.h0);
      load_states(d, forward.c0, b, d.H, f.c0);
      load_states(d, args->dhn, b, d.P, f.dh);
      load_states(d, args->dcn, b, d.H, f.dc);
      copy_or_zero(args->dfedn, b * d.F, d.F, f.dfed);
      for (int64_t t = d.length(b) - 1; t >= 0; --t) step_backward(g, f, t, b);
      for (int64_t l = 0; l < d.L; ++l) {
        const int64_t at = l * d.B + b;
        add(f.dh + l * d.P, d.P, dh0 ? dh0 + at * d.P : nullptr);
        add(f.dc + l * d.H, d.H, dc0 ? dc0 + at * d.H : nullptr);
      }
      add(f.dfed, d.F, dfed0 ? dfed0 + b * d.F : nullptr);
    }
  });
}

}  // namespace rnnative::reference

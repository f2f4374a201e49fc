// The attentional decoder, one row of the batch at a time: its steps in order, each of them input,
// layers, attention. Backward goes through the same steps from the last to the first.
#include "native/abi/backend.h"
#include "native/reference/attention.h"
#include "native/reference/recurrent/phases/zoneout.h"
#include "native/reference/recurrent/stack.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

// Sizes, and where the reserve keeps a row's step (index t * B + b): first what a recurrent stack
// keeps, then inputs [E + F], queries [A], contexts [V] and outputs before dropout [D].
struct Decoder {
  const RnDecoderDesc& desc;
  const RnDecoderForward& args;
  Stack stack;
  int64_t L, B, H, P, E, F, A, V, D, rows;
  double *reserve, *extra;

  explicit Decoder(const RnDecoderForward& forward, void* memory)
      : desc(forward.desc), args(forward), stack(desc.stack) {
    L = desc.stack.layers;
    B = desc.stack.batch;
    H = desc.stack.hidden;
    P = desc.stack.state;
    E = desc.input;
    F = desc.stack.input - E;
    A = desc.features;
    V = desc.width;
    D = desc.output;
    rows = desc.stack.time * B;
    reserve = real(memory);
    extra = reserve + stack.reserve_size();
  }
  static int64_t size(const RnDecoderDesc& d) {
    return Stack(d.stack).reserve_size() +
           d.stack.time * d.stack.batch * (d.stack.input + d.features + d.width + d.output);
  }
  bool feeds_output() const { return desc.feeding == RN_FEED_OUTPUT; }
  int64_t length(int64_t b) const { return args.lengths ? args.lengths[b] : desc.stack.time; }

  double* input(int64_t row) const { return extra + row * (E + F); }
  double* query(int64_t row) const { return extra + rows * (E + F) + row * A; }
  double* context(int64_t row) const { return extra + rows * (E + F + A) + row * V; }
  double* before_dropout(int64_t row) const { return extra + rows * (E + F + A + V) + row * D; }
  double* h(int64_t l, int64_t row) const { return stack.saved_of(l, reserve).h + row * P; }
  double* c(int64_t l, int64_t row) const { return stack.saved_of(l, reserve).c + row * H; }
  // As the cell made them.
  double* made_h(int64_t l, int64_t row) const {
    return stack.saved_of(l, reserve).made_h + row * H;
  }
  double* made_c(int64_t l, int64_t row) const {
    return stack.saved_of(l, reserve).made_c + row * H;
  }
  double* gates(int64_t l, int64_t row) const {
    return stack.saved_of(l, reserve).gates + row * stack.cell.saved * H;
  }
  // What layer l reads at a step.
  double* input_of(int64_t l, int64_t row) const {
    return l == 0 ? input(row) : stack.output_of(static_cast<int32_t>(l - 1), reserve) + row * P;
  }

  Memory memory(int64_t b) const {
    const int64_t m = b / desc.beams, all = B / desc.beams;
    return {desc.score,
            A,
            V,
            args.memory_lengths ? args.memory_lengths[m] : desc.keys,
            real(args.keys) + m * A,
            all * A,
            real(args.values) + m * V,
            all * V,
            real(args.v.data)};
  }
  // Layer l's dropout factor of element e of row b; l = layers - 1: that of the output.
  double factor(int64_t l, int64_t b, int64_t element) const {
    if (desc.stack.dropout == 0) return 1;
    RnRandom random = desc.stack.random;
    random.stream += static_cast<uint32_t>(l);
    return dropout_factor(random, b, element, desc.stack.dropout);
  }
};

void copy_or_zero(const void* from, int64_t offset, int64_t n, double* to) {
  if (from) {
    std::copy_n(real(from) + offset, n, to);
  } else {
    std::fill_n(to, n, 0.0);
  }
}
// Accumulates; nothing where either is absent.
void add(const double* from, int64_t n, double* to) {
  for (int64_t i = 0; from && to && i < n; ++i) to[i] += from[i];
}

void make_query(const Decoder& d, const double* h, double* query) {
  if (d.args.w_query.data) {
    affine(real(d.args.w_query.data), nullptr, h, d.A, d.P, query);
  } else {
    std::copy_n(h, d.P, query);
  }
}

// h~ = tanh(W [context; h] + b); joined: [V + P] work.
void make_output(const Decoder& d, const double* context, const double* h, double* joined,
                 double* output) {
  std::copy_n(context, d.V, joined);
  std::copy_n(h, d.P, joined + d.V);
  affine(real(d.args.w_out.data), real(d.args.b_out.data), joined, d.D, d.V + d.P, output);
  for (int64_t i = 0; i < d.D; ++i) output[i] = std::tanh(output[i]);
}

// h, c: [L, P] and [L, H] states, fed: [F]; all change from step to step.
struct State {
  double *h, *c, *fed;
};

void run_layers(const Decoder& d, int64_t t, int64_t b, const State& state, double* wx,
                double* work) {
  const int64_t row = t * d.B + b, gates = d.stack.gates * d.H;
  for (int64_t l = 0; l < d.L; ++l) {
    const RnRecurrentSlots& slots = d.args.slots[l];
    const int64_t in = l == 0 ? d.E + d.F : d.P;
    double *h = state.h + l * d.P, *c = state.c + l * d.H;
    const LayerNorm norm(d.desc.stack, slots);
    form_sums(norm.input(slots, d.input_of(l, row), in), gates, wx);
    d.stack.cell.forward({d.H, d.P, wx, real(slots.slot[RN_W_HH].data),
                          real(slots.slot[RN_B_HH].data), h, c, h, d.gates(l, row),
                          d.made_h(l, row), d.made_c(l, row), work, &d.desc.stack.options,
                          Peepholes(slots).of, norm.of});
    if (d.stack.projects)
      affine(real(slots.slot[RN_W_HR].data), nullptr, d.made_h(l, row), d.P, d.H, d.h(l, row));
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
    form_sums_backward(norm.input(slots, d.input_of(l, row), in), gates, f.dwx, to.slot[RN_W_IH],
                       to.slot[RN_B_IH], f.dinput);
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

void load_states(const Decoder& d, const void* from, int64_t b, int64_t width, double* to) {
  for (int64_t l = 0; l < d.L; ++l)
    copy_or_zero(from, (l * d.B + b) * width, width, to + l * width);
}

int32_t check_all_lengths(RnContext* context, const RnDecoderForward& args) {
  const RnRecurrentDesc& s = args.desc.stack;
  if (int32_t status = check_lengths(context, args.lengths, s.batch, s.time)) return status;
  if (!args.memory_lengths) return RN_OK;
  return check_indices(context, "memory length", args.memory_lengths, s.batch / args.desc.beams,
                       args.desc.keys);
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

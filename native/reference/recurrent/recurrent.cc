// The recurrent stack, one row of the batch at a time: layers, directions, rows, then the row's own
// steps. A step is W x + b_ih, then the cell, which does everything that involves the state.
#include "native/abi/backend.h"
#include "native/reference/recurrent/phases/state_dropout.h"
#include "native/reference/recurrent/phases/zoneout.h"
#include "native/reference/recurrent/stack.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

// The length of row b, and its step s in the direction's own order as an index into time.
int64_t length_of(const int32_t* lengths, int64_t b, int64_t time) {
  return lengths ? lengths[b] : time;
}
int64_t time_of(int64_t s, int64_t length, int32_t direction) {
  return direction == 0 ? s : length - 1 - s;
}

void copy_or_zero(const void* from, int64_t offset, int64_t n, double* to) {
  if (from) {
    std::copy_n(real(from) + offset, n, to);
  } else {
    std::fill_n(to, n, 0.0);
  }
}

// Multiplies data [T, B, D*P], an output of `layer` or its gradient, by the layer's dropout mask.
void drop(const Stack& stack, int32_t layer, double* data) {
  const RnRecurrentDesc& desc = stack.desc;
  if (desc.dropout == 0) return;
  RnRandom random = desc.random;
  random.stream += static_cast<uint32_t>(layer);
  for (int64_t t = 0; t < desc.time; ++t)
    for (int64_t b = 0; b < desc.batch; ++b)
      for (int64_t f = 0; f < stack.width; ++f)
        data[(t * desc.batch + b) * stack.width + f] *=
            dropout_factor(random, b, t * stack.width + f, desc.dropout);
}

// What a step's W x is made of: the layer's input, or, where that holds W x already, its part.
Sums input_sums(const LayerNorm& norm, const RnRecurrentSlots& slots, const double* x, int64_t in,
                int64_t part, const Arithmetic& by) {
  return norm.input(slots, slots.slot[RN_W_IH].data ? x : x + part, in, by);
}

// One layer in one direction. input: [T, B, in]; output: [T, B, D*P], whose padding is zero
// already.
void run_forward(const Stack& stack, const RnRecurrentForward& args, int32_t layer,
                 int32_t direction, const double* input, double* output, double* work) {
  const RnRecurrentDesc& desc = stack.desc;
  const int64_t B = desc.batch, H = desc.hidden, P = desc.state, in = stack.input_of(layer);
  const int64_t gates = stack.gates * H, run = stack.run_of(layer, direction);
  const RnRecurrentSlots& slots = args.slots[run];
  const Peepholes peepholes(slots);
  const LayerNorm norm(desc, slots);
  const Saved saved = stack.saved_of(run, real(args.reserve));
  const StateDropout dropout(desc, run);
  const Zoneout zoneout(desc, run);
  const Arithmetic by = {desc.precision, 0};
  double *h0 = work, *c0 = h0 + H, *masked = c0 + H, *wx = masked + H, *rest = wx + gates;
  for (int64_t b = 0; b < B; ++b) {
    copy_or_zero(args.h0, (run * B + b) * P, P, h0);
    copy_or_zero(args.c0, (run * B + b) * H, H, c0);
    const double *h = h0, *c = c0;
    const int64_t length = length_of(args.lengths, b, desc.time);
    for (int64_t s = 0; s < length; ++s) {
      const int64_t t = time_of(s, length, direction), row = t * B + b;
      double *h_next = saved.h + row * P, *c_next = saved.c + row * H;
      double *made_h = saved.made_h + row * H, *made_c = saved.made_c + row * H;
      form_sums(input_sums(norm, slots, input + row * in, in, direction * gates, by), gates, wx);
      stack.cell.forward({H, P, wx, real(slots.slot[RN_W_HH].data), real(slots.slot[RN_B_HH].data),
                          h, c, dropout.operand(b, h, masked),
                          saved.gates + row * stack.cell.saved * H, made_h, made_c, rest,
                          &desc.options, peepholes.of, norm.of, by});
      if (stack.projects) affine(by, real(slots.slot[RN_W_HR].data), nullptr, made_h, P, H, h_next);
      if (stack.zones()) {
        zoneout.h.forward(t, b, h, stack.projects ? h_next : made_h, h_next);
        if (stack.has_c) zoneout.c.forward(t, b, c, made_c, c_next);
      }
      std::copy_n(h_next, P, output + row * stack.width + direction * P);
      h = h_next;
      c = c_next;
    }
    std::copy_n(h, P, real(args.hn) + (run * B + b) * P);
    if (stack.has_c) std::copy_n(c, H, real(args.cn) + (run * B + b) * H);
  }
}

// doutput: [T, B, D*P], or NULL: zero; dinput: [T, B, in] accumulated, or NULL: not wanted.
void run_backward(const Stack& stack, const RnRecurrentBackward& args, int32_t layer,
                  int32_t direction, const double* input, const double* doutput, double* dinput,
                  double* dh0, double* dc0, double* work) {
  const RnRecurrentDesc& desc = stack.desc;
  const int64_t B = desc.batch, H = desc.hidden, P = desc.state, in = stack.input_of(layer);
  const int64_t gates = stack.gates * H, run = stack.run_of(layer, direction);
  const RnRecurrentSlots& slots = args.slots[run];
  const Peepholes peepholes(slots);
  const SlotGradients d = stack.open_gradients(args.dslots[run], in);
  const LayerNorm norm(desc, slots, &d);
  // Backward only reads what forward saved.
  const Saved saved = stack.saved_of(run, const_cast<double*>(real(args.reserve)));
  double *h0 = work, *c0 = h0 + H, *dh = c0 + H, *dc = dh + H, *dh_next = dc + H;
  double *dc_next = dh_next + H, *masked = dc_next + H, *dmasked = masked + H;
  double *dmade = dmasked + H, *dwx = dmade + H, *rest = dwx + gates;
  const StateDropout dropout(desc, run);
  const Zoneout zoneout(desc, run);
  for (int64_t b = 0; b < B; ++b) {
    copy_or_zero(args.h0, (run * B + b) * P, P, h0);
    copy_or_zero(args.c0, (run * B + b) * H, H, c0);
    copy_or_zero(args.dhn, (run * B + b) * P, P, dh);
    copy_or_zero(args.dcn, (run * B + b) * H, H, dc);
    const int64_t length = length_of(args.lengths, b, desc.time);
    for (int64_t s = length - 1; s >= 0; --s) {
      const int64_t t = time_of(s, length, direction), row = t * B + b;
      const int64_t before = s > 0 ? time_of(s - 1, length, direction) * B + b : -1;
      for (int64_t j = 0; j < P; ++j) {
        dh_next[j] = dh[j] + (doutput ? doutput[row * stack.width + direction * P + j] : 0);
        dh[j] = 0;
      }
      for (int64_t j = 0; j < H; ++j) {
        dc_next[j] = dc[j];
        dc[j] = dmade[j] = 0;
      }
      zoneout.h.backward(t, b, dh_next, dh);
      if (stack.has_c) zoneout.c.backward(t, b, dc_next, dc);
      if (stack.projects)
        affine_backward(real(slots.slot[RN_W_HR].data), saved.made_h + row * H, dh_next, P, H,
                        d.slot[RN_W_HR], nullptr, dmade);
      const double* h = s > 0 ? saved.h + before * P : h0;
      double* doperand = dropout.open_gradient(dh, dmasked);
      stack.cell.backward({H,
                           P,
                           real(slots.slot[RN_W_HH].data),
                           h,
                           s > 0 ? saved.c + before * H : c0,
                           dropout.operand(b, h, masked),
                           saved.gates + row * stack.cell.saved * H,
                           saved.made_h + row * H,
                           saved.made_c + row * H,
                           stack.projects ? dmade : dh_next,
                           dc_next,
                           dwx,
                           dh,
                           dc,
                           doperand,
                           d.slot[RN_W_HH],
                           d.slot[RN_B_HH],
                           rest,
                           &desc.options,
                           peepholes.of,
                           d.slot + RN_P_I,
                           norm.of});
      dropout.close_gradient(b, doperand, dh);
      double* dx = dinput ? dinput + row * in : nullptr;
      if (dx && !slots.slot[RN_W_IH].data) dx += direction * gates;
      form_sums_backward(
          input_sums(norm, slots, input + row * in, in, direction * gates, Arithmetic()), gates,
          dwx, d.slot[RN_W_IH], d.slot[RN_B_IH], dx);
    }
    for (int64_t j = 0; dh0 && j < P; ++j) dh0[(run * B + b) * P + j] += dh[j];
    for (int64_t j = 0; dc0 && j < H; ++j) dc0[(run * B + b) * H + j] += dc[j];
  }
}

}  // namespace

size_t recurrent_reserve(const RnRecurrentDesc* desc) {
  return static_cast<size_t>(Stack(*desc).reserve_size()) * sizeof(double);
}

int32_t recurrent(RnContext* context, const RnRecurrentForward* args) {
  const RnRecurrentDesc& desc = args->desc;
  if (int32_t status = check_lengths(context, args->lengths, desc.batch, desc.time)) return status;
  return guarded(context, [&] {
    const Stack stack(desc);
    RnRecurrentForward run = *args;
    if (run.reserve == nullptr) run.reserve = scratch(context, stack.reserve_size());
    double* work = scratch(context, stack.work_size());
    const double* input = real(args->x);
    for (int32_t layer = 0; layer < desc.layers; ++layer) {
      const bool last = layer == desc.layers - 1;
      double* output = last ? real(args->y) : stack.output_of(layer, real(run.reserve));
      std::fill_n(output, stack.output_size(), 0.0);
      for (int32_t direction = 0; direction < desc.directions; ++direction)
        run_forward(stack, run, layer, direction, input, output, work);
      if (!last) drop(stack, layer, output);
      input = output;
    }
  });
}

int32_t recurrent_backward(RnContext* context, const RnRecurrentBackward* args) {
  const RnRecurrentDesc& desc = args->desc;
  if (int32_t status = check_lengths(context, args->lengths, desc.batch, desc.time)) return status;
  return guarded(context, [&] {
    const Stack stack(desc);
    const int64_t rows = int64_t{desc.layers} * desc.directions * desc.batch;
    double* work = scratch(context, stack.work_size());
    double* dh0 = open(args->dh0, rows * desc.state);
    double* dc0 = open(args->dc0, rows * desc.hidden);
    const double* doutput = real(args->dy);
    for (int32_t layer = desc.layers - 1; layer >= 0; --layer) {
      const double* input =
          layer == 0 ? real(args->x) : stack.output_of(layer - 1, real(args->reserve));
      double* dinput = layer == 0 ? open(args->dx, desc.time * desc.batch * desc.input)
                                  : scratch(context, stack.output_size());
      for (int32_t direction = 0; direction < desc.directions; ++direction)
        run_backward(stack, *args, layer, direction, input, doutput, dinput, dh0, dc0, work);
      if (layer > 0) drop(stack, layer - 1, dinput);
      doutput = dinput;
    }
  });
}

}  // namespace rnnative::reference

// What both ways through the attentional decoder share: where things are, and small steps.
#ifndef RNNATIVE_REFERENCE_RECURRENT_DECODER_H_
#define RNNATIVE_REFERENCE_RECURRENT_DECODER_H_

#include "native/abi/backend.h"
#include "native/reference/attention.h"
#include "native/reference/recurrent/stack.h"
#include "native/reference/support.h"

namespace rnnative::reference {

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

inline void copy_or_zero(const void* from, int64_t offset, int64_t n, double* to) {
  if (from) {
    std::copy_n(real(from) + offset, n, to);
  } else {
    std::fill_n(to, n, 0.0);
  }
}
// Accumulates; nothing where either is absent.
inline void add(const double* from, int64_t n, double* to) {
  for (int64_t i = 0; from && to && i < n; ++i) to[i] += from[i];
}

inline void load_states(const Decoder& d, const void* from, int64_t b, int64_t width, double* to) {
  for (int64_t l = 0; l < d.L; ++l)
    copy_or_zero(from, (l * d.B + b) * width, width, to + l * width);
}

inline int32_t check_all_lengths(RnContext* context, const RnDecoderForward& args) {
  const RnRecurrentDesc& s = args.desc.stack;
  if (int32_t status = check_lengths(context, args.lengths, s.batch, s.time)) return status;
  if (!args.memory_lengths) return RN_OK;
  return check_indices(context, "memory length", args.memory_lengths, s.batch / args.desc.beams,
                       args.desc.keys);
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_DECODER_H_

// Sizes of a decoder, and where its reserve keeps what: first what a recurrent stack keeps, then
// the arrays of the steps between the layers. Rows are packed rows (sequence.h).
#ifndef RNNATIVE_CPU_DECODER_LAYOUT_H_
#define RNNATIVE_CPU_DECODER_LAYOUT_H_

#include "native/cpu/gemm/gemm.h"
#include "native/cpu/recurrent/recurrent.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct DecoderSaved {
  float* inputs;   // [N, E + F] x and what is fed: the first layer's input
  float* queries;  // [N, A]
  float* joined;   // [N, V + P] context and top state: OUTPUT only
  float* outputs;  // [N, D] h~ before dropout: OUTPUT only
};

struct DecoderLayout {
  Layout stack;
  bool feeds_output;
  int64_t E, F, P, A, V, D;
  int64_t input;   // E + F
  int64_t joined;  // V + P, or 0
  int64_t out;     // features of y

  int64_t floats() const {
    return stack.floats() + stack.array(input) + stack.array(A) + stack.array(joined) +
           stack.array(D);
  }
  DecoderSaved saved(float* reserve) const {
    float* inputs = reserve + stack.floats();
    float* queries = inputs + stack.array(input);
    float* both = queries + stack.array(A);
    return {inputs, queries, both, both + stack.array(joined)};
  }
};

inline DecoderLayout make_decoder_layout(const RnDecoderDesc& d) {
  const CellTraits traits = with_cell(d.stack.cell, []<class Cell>() { return traits_of<Cell>(); });
  const bool feeds_output = d.feeding == RN_FEED_OUTPUT;
  const int64_t P = d.stack.state;
  return {make_layout(d.stack, traits),
          feeds_output,
          d.input,
          d.stack.input - d.input,
          P,
          d.features,
          d.width,
          d.output,
          d.stack.input,
          feeds_output ? d.width + P : 0,
          feeds_output ? d.output : P};
}

// c[m, n] (+)= rows of a times a packed matrix (+ bias).
struct PackedProduct {
  int64_t m, n, k;
  const float* a;
  int64_t lda;
  const void* packed;
  float* c;
  int64_t ldc;
  bool accumulate;
  const float* bias;
};
inline int32_t multiply_packed(RnContext* ctx, int32_t precision, const PackedProduct& p) {
  return gemm(ctx, {.precision = precision,
                    .m = p.m,
                    .n = p.n,
                    .k = p.k,
                    .a = p.a,
                    .lda = p.lda,
                    .trans_a = false,
                    .b = plain(nullptr),
                    .ldb = 0,
                    .trans_b = false,
                    .c = p.c,
                    .ldc = p.ldc,
                    .accumulate = p.accumulate,
                    .bias = p.bias,
                    .packed_kind = 0,
                    .packed_b = p.packed});
}

// A whole weight [rows, columns] packed as the GEMM packs it, to be multiplied by as it is (k =
// rows) or transposed (k = columns). NULL: out of memory.
inline const void* pack_weight(RnContext* ctx, int32_t precision, const RnWeight& w, int64_t rows,
                               int64_t columns, bool transposed) {
  const int64_t k = transposed ? columns : rows, n = transposed ? rows : columns;
  const uint32_t kind = (precision == RN_PRECISION_F32 ? 1 : 3) + (transposed ? 1 : 0);
  int32_t fresh = 0;
  void* packed = packed_weight(ctx, w, kind, packed_bytes(precision, k, n), &fresh);
  if (packed && fresh)
    pack_matrix(ctx, precision, (const float*)w.data, columns, transposed, k, n, nullptr, packed);
  return packed;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_DECODER_LAYOUT_H_

// Sizes of a decoder, and where its reserve keeps what forward leaves for backward; inference keeps
// the same in scratch. Nothing is packed: a step is a few small products, bound by latency, which
// rows past their ends make no slower; kernels skip them and leave zeros. Steps past the longest
// row are not run.
#ifndef RNNATIVE_CUDA_DECODER_LAYOUT_CUH_
#define RNNATIVE_CUDA_DECODER_LAYOUT_CUH_

#include "cuda/recurrent/layout.cuh"

namespace rnnative::cuda {

struct DecoderLayout {
  explicit DecoderLayout(const RnDecoderDesc& d)
      : stack(d.stack),
        feeds_output(d.feeding == RN_FEED_OUTPUT),
        drops(d.stack.dropout > 0),
        L(d.stack.layers),
        T(d.stack.time),
        B(d.stack.batch),
        H(d.stack.hidden),
        P(d.stack.state),
        G(stack.gates),
        S(stack.slots),
        E(d.input),
        F(d.stack.input - d.input),
        A(d.features),
        V(d.width),
        D(d.output),
        joined_width(feeds_output ? d.width + d.stack.state : 0) {}

  int64_t floats() const {
    return layers_floats() + stack.array(F) + stack.array(A) + stack.array(joined_width) +
           stack.array(D);
  }
  // Layer l's state as the next one reads it, [T, B, P].
  float* output(float* reserve, int64_t l) const {
    if (!drops) return stack.saved_h(reserve, l);
    return reserve + L * stack.layer_floats() + l * stack.array(P);
  }
  float* fed(float* reserve) const { return reserve + layers_floats(); }          // [T, B, F]
  float* queries(float* reserve) const { return fed(reserve) + stack.array(F); }  // [T, B, A]
  float* joined(float* reserve) const {
    return queries(reserve) + stack.array(A);
  }  // [T, B, V + P]
  // h~ before dropout, [T, B, D]
  float* outputs(float* reserve) const { return joined(reserve) + stack.array(joined_width); }

  RecurrentLayout stack;
  bool feeds_output, drops;
  int64_t L, T, B, H, P, G, S, E, F, A, V, D, joined_width;

 private:
  int64_t layers_floats() const {
    return L * stack.layer_floats() + (drops ? (L - 1) * stack.array(P) : 0);
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_DECODER_LAYOUT_CUH_

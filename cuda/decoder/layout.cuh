// Sizes of a decoder, and where its reserve keeps what forward leaves for backward; inference keeps
// the same in scratch. Nothing is packed: a step is a few small products, bound by latency, which
// rows past their ends make no slower; kernels skip them and leave zeros. Steps past the longest
// row are not run.
#ifndef RNNATIVE_CUDA_DECODER_LAYOUT_CUH_
#define RNNATIVE_CUDA_DECODER_LAYOUT_CUH_

#include "cuda/core/device.cuh"
#include "cuda/recurrent/cells.cuh"

namespace rnnative::cuda {

struct DecoderLayout {
  explicit DecoderLayout(const RnDecoderDesc& d)
      : feeds_output(d.feeding == RN_FEED_OUTPUT),
        has_c(rn_cell(d.stack.cell)->has_c),
        drops(d.stack.dropout > 0),
        L(d.stack.layers),
        T(d.stack.time),
        B(d.stack.batch),
        H(d.stack.hidden),
        G(gates_of(d.stack.cell)),
        S(slots_of(d.stack.cell)),
        E(d.input),
        F(d.stack.input - d.input),
        A(d.features),
        V(d.width),
        D(d.output),
        joined_width(feeds_output ? d.width + d.stack.hidden : 0) {}

  // Floats of an array with `columns` for each step of each row, to whole 64 bytes.
  int64_t array(int64_t columns) const { return ceil_div(T * B * columns, 16) * 16; }
  int64_t layer_floats() const {
    return array(S * H) + array(H) * (1 + (has_c ? 1 : 0) + (drops ? 1 : 0));
  }
  int64_t floats() const {
    return L * layer_floats() + array(F) + array(A) + array(joined_width) + array(D);
  }

  // Of layer l, with the slots of cells/cell.cuh.
  float* gates(float* reserve, int64_t l) const { return reserve + l * layer_floats(); }  // S*H
  float* h(float* reserve, int64_t l) const { return gates(reserve, l) + array(S * H); }
  float* c(float* reserve, int64_t l) const { return has_c ? h(reserve, l) + array(H) : nullptr; }
  // What the next layer reads, or the state itself: the last layer's is not dropped here.
  float* output(float* reserve, int64_t l) const {
    return h(reserve, l) + (drops && l < L - 1 ? array(H) * (has_c ? 2 : 1) : 0);
  }
  float* fed(float* reserve) const { return reserve + L * layer_floats(); }    // [T, B, F]
  float* queries(float* reserve) const { return fed(reserve) + array(F); }     // [T, B, A]
  float* joined(float* reserve) const { return queries(reserve) + array(A); }  // [T, B, V + H]
  // h~ before dropout, [T, B, D]
  float* outputs(float* reserve) const { return joined(reserve) + array(joined_width); }

  bool feeds_output, has_c, drops;
  int64_t L, T, B, H, G, S, E, F, A, V, D, joined_width;
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_DECODER_LAYOUT_CUH_

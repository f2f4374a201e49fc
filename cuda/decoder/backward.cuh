// The arrays that the decoder's backward loop fills, for the gradients that follow it.
#ifndef RNNATIVE_CUDA_DECODER_BACKWARD_CUH_
#define RNNATIVE_CUDA_DECODER_BACKWARD_CUH_

#include "cuda/decoder/decoder.cuh"

namespace rnnative::cuda {

struct DecoderBackward {
  const RnDecoderBackward* args;
  Decoder forward;
  // Of every step that was run; zeros for rows past their ends.
  std::unique_ptr<float*[]> dgates;  // [L] of gradients_at's
  float* factors;                    // [T, B, Tk] as pair_gradients takes them
  float* dqueries;                   // [T, B, A]
  float* dcontext;                   // [T, B, V]: CONTEXT only
  float* djoined;                    // [T, B, V + P]: OUTPUT only
  float* dh;                         // [L, T, B, P] of h where that is projected
  float* doutputs;                   // [T, B, D] before tanh: OUTPUT only
  // From step to step.
  std::unique_ptr<StepwiseBackward[]> layers;  // [L]
  float* dfed;                                 // [B, D]: OUTPUT only
  float* dstate;                               // [B, P] of the state that a query was made of
  float* dinput;                               // [B, P] of what a layer read
  // As RoundedSteps: D, A, G*H.
  Rounded doutputs_rounded, dqueries_rounded, dgates_rounded;

  explicit DecoderBackward(const RnDecoderBackward& args) : args(&args), forward(args.forward) {}
  int32_t prepare(RnContext* ctx);

  const DecoderLayout& layout() const { return forward.layout; }
  LayerBackward layer(int64_t l) const;
  float* dinputs(int64_t l) const { return layer(l).dinputs(); }
  // Of the contexts, rows `dcontext_stride` apart.
  const float* dcontexts() const { return djoined ? djoined : dcontext; }
  int64_t dcontext_stride() const { return djoined ? layout().joined_width : layout().V; }
};

// After the loop: all that is a sum over steps.
int32_t decoder_gradients(RnContext* ctx, const DecoderBackward& decoder);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_DECODER_BACKWARD_CUH_

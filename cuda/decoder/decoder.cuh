// What the decoder's two passes share.
#ifndef RNNATIVE_CUDA_DECODER_DECODER_CUH_
#define RNNATIVE_CUDA_DECODER_DECODER_CUH_

#include "cuda/attention/attention.cuh"
#include "cuda/decoder/weights.cuh"
#include "cuda/recurrent/stepwise/stepwise.cuh"

namespace rnnative::cuda {

// Bf16 forms of what the next product reads (cuda/gemm/rounded.cuh), [B, ...] of one step. All
// absent in f32, and where there is one step only: then the products round.
struct RoundedSteps {
  Rounded dropped;      // P
  Rounded fed, joined;  // F, V + P
};

struct Decoder {
  const RnDecoderForward* args;
  DecoderLayout layout;
  DecoderWeights weights;
  float* reserve;
  int64_t steps;      // of the longest row, or that may be
  Sequence sequence;  // those steps, its rows in place
  AttentionMemory memory;
  std::unique_ptr<StepwiseForward[]> layers;  // [L]: forward only
  RoundedSteps rounded;

  explicit Decoder(const RnDecoderForward& args) : args(&args), layout(args.desc) {}
  // Checks the lengths, finds the weights.
  int32_t prepare(RnContext* ctx);

  bool rounds() const { return stack().precision == RN_PRECISION_BF16 && steps > 1; }
  // Room for [B, columns], where the steps are rounded.
  int32_t allocate(RnContext* ctx, int64_t columns, Rounded* to) const;
  const RnRecurrentDesc& stack() const { return args->desc.stack; }
  const float* x() const { return static_cast<const float*>(args->x); }
  Layer layer(int64_t l) const { return make_layer(layout.stack, *args, sequence, l); }
  // Where step t of an array with `columns` lies.
  float* at(float* array, int64_t t, int64_t columns) const {
    return array ? array + t * layout.B * columns : nullptr;
  }
  // Layer l's states h [B, P] before step t; null: zeros.
  const float* h_before(int64_t l, int64_t t) const {
    return t > 0 ? at(layout.stack.saved_h(reserve, l), t - 1, layout.P) : layer(l).h0;
  }
  // What layer l > 0 reads.
  float* input(int64_t l) const { return layout.output(reserve, l - 1); }
  // What step t is fed. Inference reads the caller's array where it lies.
  const float* fed(int64_t t) const {
    if (t == 0 && fed_in_place()) return static_cast<const float*>(args->fed0);
    return at(layout.fed(reserve), t, layout.F);
  }
  bool fed_in_place() const { return !args->reserve && args->fed0; }
  // The dropout of layer l's output.
  DropoutMask dropout(int64_t l) const { return dropout_mask(stack().dropout, stack().random, l); }
  // Of step t, without context.
  AttentionStep attention(int64_t t) const;
};

// to [steps, B, features] = x, zeros past the rows' ends.
int32_t mask_padding(RnContext* ctx, const Decoder& decoder, const float* x, int64_t features,
                     float* to);
// x as products over all steps may read it: a copy without the padding where rows have lengths.
int32_t without_padding(RnContext* ctx, const Decoder& decoder, const float** x);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_DECODER_DECODER_CUH_

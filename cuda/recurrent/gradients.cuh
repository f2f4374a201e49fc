// The gradients of a layer that need no order in time: single products over all tokens.
#ifndef RNNATIVE_CUDA_RECURRENT_GRADIENTS_CUH_
#define RNNATIVE_CUDA_RECURRENT_GRADIENTS_CUH_

#include "cuda/recurrent/layout.cuh"

namespace rnnative::cuda {

// Memory that the layers of a stack share.
struct GradientWork {
  uint16_t* input = nullptr;    // [N, in] rounded
  uint16_t* dgates = nullptr;   // [N, S*H] rounded, of one direction
  void* before[2] = {nullptr};  // [N, P] h, and r h of GRU_RESET_BEFORE, before each step
  // Of a layer that projects h: [N, D*P] its gradients, and [N, D*H] what it is made of, rounded.
  uint16_t *dstate = nullptr, *made = nullptr;
  float* sums = nullptr;  // [S*H]
  // [N, RN_PEEPHOLES*H] of a cell that may have peepholes; [N, G*H] with layer norm
  float* terms = nullptr;

  int32_t allocate(RnContext* ctx, const RecurrentLayout& layout, const Sequence& sequence);
};

struct LayerGradients {
  const RnRecurrentSlots* slots;  // [D]
  const RnRecurrentSlotGrads* dslots;
  // [N, in]: what the layer read, after dropout; null where no gradient asks for it
  const float* input;
  int64_t in;
  RnGrad dinput;  // [N, in]
};

// From the dgates that backward_steps left.
int32_t layer_gradients(RnContext* ctx, const RecurrentLayout& layout, const GradientWork& work,
                        const LayerBackward& layer, const LayerGradients& gradients);

// Those of layer norm's gains, and of its bias.
int32_t norm_gradients(RnContext* ctx, const RecurrentLayout& layout, const GradientWork& work,
                       const LayerBackward& layer, const RnRecurrentSlotGrads& dslots,
                       int64_t direction);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_GRADIENTS_CUH_

// What the gradients of one direction of a layer are computed from, for the files that share them.
#ifndef RNNATIVE_CUDA_RECURRENT_GRADIENT_RUN_CUH_
#define RNNATIVE_CUDA_RECURRENT_GRADIENT_RUN_CUH_

#include <algorithm>

#include "cuda/gemm/operand.cuh"
#include "cuda/recurrent/gradients.cuh"

namespace rnnative::cuda {

// One direction of a layer.
struct GradientRun {
  const RecurrentLayout& layout;
  const GradientWork& work;
  const LayerBackward& layer;
  const LayerGradients& gradients;
  int64_t direction;
  Operand input, dgates;
  Operand dstate, made;  // of both directions

  const RnRecurrentDesc& desc() const { return layout.desc; }
  int64_t tokens() const { return layer.layer.sequence->tokens; }
  int64_t gate_row() const { return layout.slots * desc().hidden; }
  const RnRecurrentSlotGrads& dslots() const { return gradients.dslots[direction]; }
  const float* own(const float* gates) const { return gates + direction * tokens() * gate_row(); }
  // Of these, as products read them.
  int32_t round(RnContext* ctx, const float* gates) {
    return make_operand(ctx, desc().precision, own(gates), tokens(), gate_row(), gate_row(),
                        work.dgates, &dgates);
  }
};

// Threads over units (x) and tokens (y).
inline Launch unit_by_token(int64_t hidden, int64_t tokens) {
  Launch how;
  const int64_t threads = std::min<int64_t>(ceil_div(hidden, 32) * 32, 256);
  how.block = dim3(static_cast<unsigned>(threads));
  how.grid = dim3(static_cast<unsigned>(ceil_div(hidden, threads)),
                  static_cast<unsigned>(std::min<int64_t>(tokens, 65535)));
  return how;
}

// Of peepholes, for cells that have some.
int32_t peephole_gradients(RnContext* ctx, const GradientRun& run);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_GRADIENT_RUN_CUH_

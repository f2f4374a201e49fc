// Variational dropout of the state (RnRecurrentDesc), for every cell: R is applied to m v in place
// of v. Forward, v is masked where a product will read it, while the cells read it as it is.
// Backward, a product's sums are the gradient of m v: they pass the mask before the cell sees them.
// R's gradient is against m v, formed again. The mask is drawn again wherever it is asked for.
#ifndef RNNATIVE_CUDA_RECURRENT_PHASES_STATE_DROPOUT_CUH_
#define RNNATIVE_CUDA_RECURRENT_PHASES_STATE_DROPOUT_CUH_

#include "cuda/recurrent/dropout.cuh"
#include "cuda/recurrent/sequence.cuh"

namespace rnnative::cuda {

// Of a layer, all directions.
struct StateDropout {
  DropoutMask mask;
  int64_t first = 0, state = 0;  // the layer's elements begin at `first`

  __host__ __device__ bool present() const { return mask.threshold != 0; }
  // m of feature j of direction d in row i of the sorted batch: 1 without the phase.
  __device__ float factor(const Rows& rows, int64_t d, int64_t i, int64_t j) const {
    return present() ? mask.factor(rows.place(i), first + d * state + j) : 1.0f;
  }
};

inline StateDropout state_dropout(const RnRecurrentDesc& desc, int64_t layer) {
  const double p = desc.amounts[RN_PHASE_STATE_DROPOUT];
  if (p <= 0) return {};
  return {dropout_mask(p, desc.random, rn_phase_stream(&desc, RN_PHASE_STATE_DROPOUT)),
          layer * desc.directions * desc.state, desc.state};
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_PHASES_STATE_DROPOUT_CUH_

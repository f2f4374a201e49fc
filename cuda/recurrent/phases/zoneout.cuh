// Zoneout (RnRecurrentDesc), for every cell: a part of the state after a step is that before it.
// Backward, what reaches the state is cut likewise: the cell's share, and what passes by it. The
// mask is drawn again wherever it is asked for.
#ifndef RNNATIVE_CUDA_RECURRENT_PHASES_ZONEOUT_CUH_
#define RNNATIVE_CUDA_RECURRENT_PHASES_ZONEOUT_CUH_

#include "cuda/recurrent/dropout.cuh"
#include "cuda/recurrent/sequence.cuh"

namespace rnnative::cuda {

// Of a state of a layer, all directions.
struct Zone {
  DropoutMask mask;
  bool draws = false;
  float share = 0;                           // kept of every unit where nothing is drawn; 0: absent
  int64_t first = 0, stride = 0, width = 0;  // the layer's elements begin at `first`; a time's

  __host__ __device__ bool present() const { return share != 0.0f; }
  // The part of unit j of direction d that is kept at time t in row i of the sorted batch.
  __device__ float kept(const Rows& rows, int64_t d, int64_t t, int64_t i, int64_t j) const {
    if (!draws) return share;
    const int64_t element = t * stride + first + d * width + j;
    return mask.factor(rows.place(i), element) == 0.0f ? 1.0f : 0.0f;
  }
};
struct Zoneout {
  Zone h, c;
};

__device__ inline float zone_state(float kept, float made, float before) {
  return fmaf(kept, before, (1.0f - kept) * made);
}

inline Zone zone_of(const RnRecurrentDesc& desc, int64_t layer, int32_t phase) {
  const double p = desc.amounts[phase];
  if (p <= 0) return {};
  return {dropout_mask(p, desc.random, rn_phase_stream(&desc, phase)),
          desc.draws != 0,
          static_cast<float>(p),
          rn_zoneout_element(&desc, phase, 0, layer * desc.directions),
          rn_zoneout_element(&desc, phase, 1, 0),
          rn_zoneout_width(&desc, phase)};
}
inline Zoneout zoneout(const RnRecurrentDesc& desc, int64_t layer) {
  return {zone_of(desc, layer, RN_PHASE_ZONEOUT_HIDDEN),
          zone_of(desc, layer, RN_PHASE_ZONEOUT_CELL)};
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_PHASES_ZONEOUT_CUH_

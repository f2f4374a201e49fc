// A projected state (Sak et al. 2014): the cell makes a vector of H, and a second product of the
// step, h = W_HR made, the P features of h. Its steps are those of any phase, with rows as the
// cell's tiles have them, so that a row stays with its group of threads.
#ifndef RNNATIVE_CPU_RECURRENT_PROJECTION_H_
#define RNNATIVE_CPU_RECURRENT_PROJECTION_H_

#include "native/cpu/recurrent/recurrent.h"
#include "native/cpu/recurrent/weights.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <int kVectors>
struct ProjectionPhase {
  static constexpr int kFirstGate = 0, kGates = 1, kUnits = kVectors;
  static constexpr bool kReadsExtra = true;
  template <bool kTraining>
  static RN_INLINE void activate(const ForwardStep&, int64_t, int64_t, float*) {}
  template <bool kTraining>
  static RN_INLINE void update(const ForwardStep& s, int64_t row, int64_t unit, float* sums) {
    put_h(s, row, unit, load(sums));
  }
};
template <class Cell>
struct ProjectionAfter;
template <class First, class... Rest>
struct ProjectionAfter<Phases<First, Rest...>> {
  using Phase = ProjectionPhase<First::kGates * First::kUnits>;
};

// W_HR [P, H] as a cell of one gate and P units that is applied to H features.
inline Layout projection_layout(Layout l) {
  const int64_t outputs = l.state;
  l.state = l.hidden;
  l.hidden = outputs;
  l.stride = l.h_stride;
  l.units = l.h_stride / kLanes;
  l.tail_lanes = kLanes;
  return l;
}

// False: no memory.
template <class Cell>
bool pack_projection(RnContext* ctx, const RnRecurrentDesc& desc, const RnWeight& w,
                     const Layout& l, Weights* out) {
  if constexpr (Cell::kHasC) {
    using Phase = typename ProjectionAfter<typename Cell::ForwardPhases>::Phase;
    if (!l.projects()) return true;
    const Layout own = projection_layout(l);
    out->projection = with_element(desc.precision, [&]<class E>() {
      int32_t fresh = 0;
      auto* packed = (typename E::Right*)packed_weight(
          ctx, w, packed_kind(desc, kPackedProjection),
          ForwardTile<Phase>::template packed_bytes<E>(own), &fresh);
      if (packed && fresh) pack_recurrent<E, Phase>(ctx, (const float*)w.data, own, packed);
      return (const void*)packed;
    });
    return out->projection != nullptr;
  }
  return true;
}

// The product that ends a step whose cell has left `made`, as a step of its own.
inline ForwardStep projecting(ForwardStep step, const Layout& l) {
  step.summands = step.hidden;
  step.left_stride = step.stride;
  step.extra = step.made;
  step.hidden = l.state;
  step.stride = l.h_stride;
  step.tail_lanes = kLanes;
  // What is fetched ahead.
  step.gates = step.h_next;
  step.gate_stride = l.h_stride;
  step.c_prev = nullptr;
  return step;
}

// Ends a step whose cell has left `made`.
template <class E, class Phases>
void project_step(const ForwardStep& step, const Layout& l, const void* weights, const Place& place,
                  float* sums) {
  using Phase = typename ProjectionAfter<Phases>::Phase;
  forward_phase<E, Phase, false>(projecting(step, l), (const typename E::Right*)weights, place,
                                 sums);
}

// Backward, a step begins with the gradient of h, from the output and from later steps.
struct ProjectionGradient {
  static constexpr ProductSpec kProducts[] = {{false, false, 0, 0}};  // as the cell's: one
  static RN_INLINE void cell(const BackwardStep& s, int64_t row, int64_t unit, vf sums) {
    put_dextra(s, row, unit, take_dh(s, row, unit, sums, false));
  }
};
inline BackwardStep above_projection(BackwardStep step, const Layout& l) {
  step.hidden = l.state;
  step.stride = l.h_stride;
  // What is fetched ahead.
  step.gates = step.h_prev;
  step.gate_stride = l.h_stride;
  step.c_prev = step.extra = nullptr;
  step.dgates = step.dextra;
  return step;
}
// Then the cell's own, all of whose gradient is in its sums.
inline BackwardStep below_projection(BackwardStep step) {
  step.dy = step.dhn = step.h_prev = nullptr;
  step.phases = nullptr;
  step.zoneout.h = {};
  return step;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_PROJECTION_H_

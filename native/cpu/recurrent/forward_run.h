// One layer and direction, forward: where its steps (steps.cc) find their state and leave
// their output.
#ifndef RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_
#define RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_

#include "native/cpu/recurrent/phases/phases.h"
#include "native/cpu/recurrent/weights.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// One layer and direction while it runs.
struct Run {
  const RnRecurrentForward* args;
  const Sequence* sequence;
  Layout layout;
  int direction;
  Weights weights;
  Saved state;  // training: the reserve's arrays. Inference: see start_states
  float* y;     // the layer's output at the direction's first column, rows y_stride apart
  int64_t y_stride;
  bool last;            // y is the caller's tensor, by batch row; else packed rows
  bool from_zero;       // no initial h is given
  float *hn, *cn;       // [B, H]
  Bf16::Left* rounded;  // bf16: two sets of [B] rows of h, used in turn, and one of extra; or NULL
  int64_t rounded_stride;
  StepPhases phases;
};

// The planner's view of a step; the first phase stands for all.
template <class E, class First, class... Rest>
StepShape forward_shape(Phases<First, Rest...>, const Layout& l, const Sequence& q) {
  using Tile = ForwardTile<First>;
  return {q.batch,     turns_of<E>(l.hidden), Tile::panels(l.units),
          Tile::kRows, Tile::kVectors,        sizeof(typename E::Right),
          q.dense};
}

// Sets initial states where each row starts; rows without steps pass theirs through.
inline void start_states(const Run& run, const float* initial, float* state, float* final_state,
                         bool training, int copies) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  for (int64_t r = 0; r < q.batch; ++r) {
    const float* from = initial ? initial + q.order[r] * l.hidden : nullptr;
    const auto put = [&](float* to, int64_t size) {
      if (from) memcpy(to, from, (size_t)l.hidden * sizeof(float));
      const int64_t used = from ? l.hidden : 0;
      memset(to + used, 0, (size_t)(size - used) * sizeof(float));
    };
    if (q.length[r] == 0) {
      put(final_state + q.order[r] * l.hidden, l.hidden);
    } else if (training) {
      put(state + q.first_row(r, run.direction) * l.stride, l.stride);
    } else {
      for (int i = 0; i < copies; ++i) put(state + (i * q.batch + r) * l.stride, l.stride);
    }
  }
}

// The rounded copies of h, with each row's initial state in both sets, and zeros past H.
inline bool start_rounded(RnContext* ctx, const float* initial, Run* run) {
  const Sequence& q = *run->sequence;
  const int64_t hidden = run->layout.hidden, stride = turns_of<Bf16>(run->layout.stride);
  const int64_t set = q.batch * stride;
  run->rounded = (Bf16::Left*)scratch_floats(ctx, 3 * set);
  run->rounded_stride = stride;
  if (!run->rounded) return false;
  memset(run->rounded, 0, (size_t)(3 * set) * sizeof(Bf16::Left));
  for (int64_t r = 0; initial && r < q.batch; ++r) {
    Bf16::Left* row = run->rounded + r * stride;
    Bf16::each_left(initial + q.order[r] * hidden, 1, hidden,
                    [=](int64_t i, Bf16::Left x) { row[i] = row[set + i] = x; });
  }
  return true;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_

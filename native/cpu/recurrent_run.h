// One layer and direction, forward: where its steps find their state and leave their output.
#ifndef RNNATIVE_CPU_RECURRENT_RUN_H_
#define RNNATIVE_CPU_RECURRENT_RUN_H_

#include "native/cpu/recurrent_weights.h"

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
  float *hn, *cn;       // [B, H]
  Bf16::Left* rounded;  // bf16: two sets of [B] rows of h, used in turn, and one of extra; or NULL
  int64_t rounded_stride;
};

// State rows as a step finds them: [N] rows in training. In inference h_prev holds two sets of [B]
// rows used in turn, c_prev and extra one; rows that join late find their initial state in both.
inline ForwardStep step_of(const Run& run, int64_t s, float* gates, bool training) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const int64_t t = q.time_of(s, run.direction), rows = q.active(t);
  const int64_t next = q.time_of(s + 1, run.direction), then = q.active(next);
  const Saved& state = run.state;
  ForwardStep step = {};
  step.rows = rows;
  step.continuing = then < rows ? then : rows;
  step.hidden = l.hidden;
  step.stride = l.stride;
  step.gates = gates;
  step.gate_stride = l.gate_stride;
  if (training) {
    const int64_t here = q.offset[t] * l.stride, there = then > 0 ? q.offset[next] * l.stride : 0;
    step.h_prev = state.h_prev + here;
    step.h_next = state.h_prev + there;
    step.c_prev = state.c_prev ? state.c_prev + here : nullptr;
    step.c_next = state.c_prev ? state.c_prev + there : nullptr;
    step.extra = state.extra ? state.extra + here : nullptr;
  } else {
    const int64_t half = q.batch * l.stride;
    step.h_prev = state.h_prev + (s & 1) * half;
    step.h_next = state.h_prev + (~s & 1) * half;
    step.c_prev = step.c_next = state.c_prev;
    step.extra = state.extra;
  }
  if (run.rounded) {
    const int64_t set = q.batch * run.rounded_stride;
    step.rounded_h = run.rounded + (s & 1) * set;
    step.rounded_h_next = run.rounded + (~s & 1) * set;
    step.rounded_extra = run.rounded + 2 * set;
    step.rounded_stride = run.rounded_stride;
  }
  step.recurrent_bias = run.weights.bias_apart;
  const bool by_batch_row = run.last && !q.dense;
  step.y_stride = run.y_stride;
  step.y = run.y + (run.last ? t * q.batch : q.offset[t]) * run.y_stride;
  step.y_order = by_batch_row ? q.order : nullptr;
  step.hn = run.hn;
  step.cn = run.cn;
  step.order = q.order;
  return step;
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

// The planner's view of a step; the first phase stands for all.
template <class E, class First, class... Rest>
StepShape shape_of(Phases<First, Rest...>, const Layout& l, int64_t rows) {
  using Tile = ForwardTile<First>;
  return {rows,        turns_of<E>(l.hidden), Tile::panels(l.units),
          Tile::kRows, Tile::kVectors,        sizeof(typename E::Right)};
}

// Steps s0 .. s1 of the direction's order, whose W x + b lies in `gates`, packed rows from `row0`.
template <class E, bool kTraining, class... Phase>
int32_t run_steps(Phases<Phase...> phases, RnContext* ctx, const Run& run, int64_t s0, int64_t s1,
                  float* gates, int64_t row0) {
  const Sequence& q = *run.sequence;
  const StepShape shape = shape_of<E>(phases, run.layout, q.batch);
  return run_grid(ctx, shape, [&](const Place& place, float* sums, const auto& sync) {
    for (int64_t s = s0; s < s1; ++s) {
      const int64_t row = q.offset[q.time_of(s, run.direction)] - row0;
      const ForwardStep step = step_of(run, s, gates + row * run.layout.gate_stride, kTraining);
      int i = 0;
      ((forward_phase<E, Phase, kTraining>(
            step, (const typename E::Right*)run.weights.recurrent[i++], place, sums),
        sync()),
       ...);
    }
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_RUN_H_

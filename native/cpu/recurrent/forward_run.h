// One layer and direction, forward: where its steps (steps.cc) find their state and leave
// their output.
#ifndef RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_
#define RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_

#include "native/cpu/recurrent/norm/norm.h"
#include "native/cpu/recurrent/phases/phases.h"
#include "native/cpu/recurrent/variant.h"
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
  Saved state;  // training: the reserve's arrays. Inference: see start_row
  float* y;     // the layer's output at the direction's first column, rows y_stride apart
  int64_t y_stride;
  bool last;             // y is the caller's tensor, by batch row; else packed rows
  const float *h0, *c0;  // [B, P], [B, H] or NULL: zeros
  bool started;          // rows have their initial states; else their threads are to put them there
  float *hn, *cn;        // [B, P], [B, H]
  Bf16::Left*
      rounded;  // bf16: two sets of [B] rows of h, used in turn, and one of extra or made; or NULL
  int64_t rounded_stride;
  StepPhases phases;
  CellVariant variant;
  NormWeights norm;
};

// The planner's view of a step; the first phase stands for all.
template <class E, class First, class... Rest>
StepShape forward_shape(Phases<First, Rest...>, const Layout& l, const Sequence& q) {
  using Tile = ForwardTile<First>;
  return {q.batch,     turns_of<E>(l.state), Tile::panels(l.units),
          Tile::kRows, Tile::kVectors,       sizeof(typename E::Right),
          q.dense};
}

// An initial state of row r, [B, width] or NULL, to where the row starts in rows `stride` apart,
// `copies` sets of them in inference; a row without steps passes it through.
inline void start_row(const Run& run, int64_t r, int64_t width, int64_t stride,
                      const float* initial, float* state, float* final_state, bool training,
                      int copies) {
  const Sequence& q = *run.sequence;
  const float* from = initial ? initial + q.order[r] * width : nullptr;
  const auto put = [&](float* to, int64_t size) {
    if (from) memcpy(to, from, (size_t)width * sizeof(float));
    const int64_t used = from ? width : 0;
    memset(to + used, 0, (size_t)(size - used) * sizeof(float));
  };
  if (q.length[r] == 0) {
    put(final_state + q.order[r] * width, width);
  } else if (training) {
    put(state + q.first_row(r, run.direction) * stride, stride);
  } else {
    for (int i = 0; i < copies; ++i) put(state + (i * q.batch + r) * stride, stride);
  }
}

// The rounded copies of h of row r: its initial state in both sets, and zeros past P.
inline void start_rounded(const Run& run, int64_t r) {
  const int64_t state = run.layout.state, stride = run.rounded_stride;
  const int64_t set = run.sequence->batch * stride;
  Bf16::Left* row = run.rounded + r * stride;
  for (int i = 0; i < 3; ++i) memset(row + i * set, 0, (size_t)stride * sizeof(Bf16::Left));
  if (run.h0)
    Bf16::each_left(run.h0 + run.sequence->order[r] * state, 1, state,
                    [=](int64_t i, Bf16::Left x) { row[i] = row[set + i] = x; });
}
inline bool take_rounded(RnContext* ctx, Run* run) {
  if (run->layout.norm) return true;  // its products round for themselves
  run->rounded_stride = turns_of<Bf16>(run->layout.stride);
  run->rounded = (Bf16::Left*)scratch_floats(ctx, 3 * run->sequence->batch * run->rounded_stride);
  return run->rounded != nullptr;
}

// With layer norm biases are added after it, not to W x. False: no memory.
inline bool norm_biases(RnContext* ctx, const Layout& l, Run* run) {
  if (!l.norm) return true;
  float* none = scratch_floats(ctx, l.gate_stride);
  if (!none) return false;
  memset(none, 0, (size_t)l.gate_stride * sizeof(float));
  run->norm.bias = run->weights.bias;
  run->weights.bias = none;
  return true;
}

// Whatever sorted rows r0 .. r1 start with.
inline void start_rows(const Run& run, bool training, int64_t r0, int64_t r1) {
  const Layout& l = run.layout;
  for (int64_t r = r0; r < r1; ++r) {
    start_row(run, r, l.state, l.h_stride, run.h0, run.state.h_prev, run.hn, training, 2);
    if (run.cn)
      start_row(run, r, l.hidden, l.stride, run.c0, run.state.c_prev, run.cn, training, 1);
    if (run.rounded) start_rounded(run, r);
  }
}

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
  step.turned = s & 1;
  step.continuing = then < rows ? then : rows;
  step.hidden = l.hidden;
  step.stride = l.stride;
  step.summands = l.state;
  step.left_stride = l.h_stride;
  step.gates = gates;
  step.gate_stride = l.gate_stride;
  step.tail_lanes = l.tail_lanes;
  step.from_zero = s == 0 && !run.h0;
  if (training) {
    const int64_t row = q.offset[t], row_next = then > 0 ? q.offset[next] : 0;
    const int64_t here = row * l.stride, there = row_next * l.stride;
    step.h_prev = state.h_prev + row * l.h_stride;
    step.h_next = state.h_prev + row_next * l.h_stride;
    step.c_prev = state.c_prev ? state.c_prev + here : nullptr;
    step.c_next = state.c_prev ? state.c_prev + there : nullptr;
    step.extra = state.extra ? state.extra + here : nullptr;
    step.made = state.made ? state.made + here : nullptr;
  } else {
    const int64_t half = q.batch * l.h_stride;
    step.h_prev = state.h_prev + (s & 1) * half;
    step.h_next = state.h_prev + (~s & 1) * half;
    step.c_prev = step.c_next = state.c_prev;
    step.extra = state.extra;
    step.made = state.made;
  }
  if (run.rounded) {
    const int64_t set = q.batch * run.rounded_stride;
    step.rounded_h = run.rounded + (s & 1) * set;
    step.rounded_h_next = run.rounded + (~s & 1) * set;
    step.rounded_extra = run.rounded + 2 * set;
    step.rounded_stride = run.rounded_stride;
  }
  step.zoneout = zoneout_at(run.phases, q.offset[t], l);
  step.variant = run.variant;
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

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_

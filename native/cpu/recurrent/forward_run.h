// One layer and direction, forward: where its steps (steps.cc) find their state and leave
// their output.
#ifndef RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_
#define RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_

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
  run->rounded_stride = turns_of<Bf16>(run->layout.stride);
  run->rounded = (Bf16::Left*)scratch_floats(ctx, 3 * run->sequence->batch * run->rounded_stride);
  return run->rounded != nullptr;
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

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_FORWARD_RUN_H_

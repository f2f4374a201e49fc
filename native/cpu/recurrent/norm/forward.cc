// Forward steps with layer norm (norm.h).
#include "native/cpu/core/loops.h"
#include "native/cpu/gemm/gemm.h"
#include "native/cpu/recurrent/forward_run.h"
#include "native/cpu/recurrent/projection.h"
#include "native/cpu/recurrent/steps.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// A unit vector of a row whose sums are normalised: W x + b in `gates`, where activations go, R h
// in `sums`. c' stays there, in `made`, for the row's own norm.
template <class Cell>
struct NormedUnit {
  const ForwardStep& s;
  int64_t row, unit;
  const float* sums;
  float* made;
  bool training;
  float* gates = s.gates + row * s.gate_stride + unit * Cell::kGates * kLanes;
  int64_t at = row * s.stride + unit * kLanes;

  RN_INLINE vf input(int gate) const { return load(gates + gate * kLanes); }
  RN_INLINE vf product(int gate) const {
    const vf product = load(sums + (unit * Cell::kGates + gate) * kLanes);
    return gate == Cell::kApart ? product + load(s.recurrent_bias + unit * kLanes) : product;
  }
  RN_INLINE vf sum(int gate) const { return input(gate) + product(gate); }
  RN_INLINE vf gate(int gate) const { return load(gates + gate * kLanes); }
  RN_INLINE vf h() const { return load(s.h_prev + at); }
  RN_INLINE vf c() const { return load(s.c_prev + at); }
  RN_INLINE const RnCellOptions& options() const { return *s.variant.options; }
  RN_INLINE vf peephole(int k) const {
    return load(s.variant.peepholes + k * s.stride + unit * kLanes);
  }
  RN_INLINE void keep(int gate, vf x) const { store(gates + gate * kLanes, x); }
  RN_INLINE void keep_extra(vf x) const {
    if (training) store(s.extra + at, x);
  }
  RN_INLINE void put_h(vf h) const {
    if constexpr (!Cell::kHasC) RN_ISA::put_h(s, row, unit, h);
  }
  RN_INLINE void put_c(vf c) const {
    store(made + unit * kLanes, c);
    RN_ISA::put_c(s, row, unit, c);
  }
};

// Where a step's rows find what the norm needs; the last three in training only.
struct NormStep {
  float *sums, *made;  // rows gate_stride and stride apart: R h; c'
  float *x_hat, *h_hat, *scales;
};

// Sums of a row, `from`: `to` = gain * hat + bias.
void normalise(const Layout& l, const NormWeights& w, const float* gain, const float* bias,
               const float* from, float* hat, float* to, float* scales) {
  for (int i = 0; i < blocks_of(l, w); ++i) {
    const Block block = block_of(l, w, i);
    const Moments m = moments_of(block, from);
    if (scales) scales[i] = m.scale;
    block.each([&](int64_t at, int64_t, int64_t) {
      const vf x = (load(from + at) - m.mean) * m.scale, y = load(gain + at) * x;
      if (hat) store(hat + at, x);
      store(to + at, bias ? y + load(bias + at) : y);
    });
  }
}

// h from the gates that are kept and c' normalised.
template <class Cell>
void put_output(const ForwardStep& s, const Layout& l, const NormWeights& w, int64_t row,
                const NormStep& at, bool training) {
  float* made = at.made + row * l.stride;
  const Moments m = moments_of(block_of_c(l), made);
  for (int64_t unit = 0; unit < l.units; ++unit) {
    const NormedUnit<Cell> u = {s, row, unit, nullptr, made, training};
    const int64_t i = unit * kLanes;
    const vf c = fma((load(made + i) - m.mean) * m.scale, load(w.c + i), load(w.c_bias + i));
    const vf y = Cell::outer(u, c), h = u.gate(Cell::kGates - 1) * y;
    if constexpr (Cell::kHasExtra) u.keep_extra(y);
    if (s.made) {
      put_made(s, row, unit, h);
    } else {
      put_h(s, row, unit, h);
    }
  }
}

template <class Cell>
void normed_row(const ForwardStep& s, const Layout& l, const NormWeights& w, int64_t row,
                const NormStep& at, bool training) {
  using Phase = typename Cell::Phases::First;
  const int64_t first = row * l.gate_stride;
  float *gates = s.gates + first, *sums = at.sums + first;
  float* h_hat = training ? at.h_hat + first : nullptr;
  float* scales = training ? at.scales + row * kNormScales : nullptr;
  normalise(l, w, w.ih, w.bias, gates, training ? at.x_hat + first : nullptr, gates, scales);
  normalise(l, w, w.hh, nullptr, training ? h_hat : sums, h_hat, sums,
            training ? scales + 2 : nullptr);
  float* made = at.made + row * l.stride;
  for (int64_t unit = 0; unit < l.units; ++unit) {
    NormedUnit<Cell> u = {s, row, unit, sums, made, training};
    if constexpr (Phase::kActivated > 0)
      for (int g = 0; g < Phase::kActivated; ++g) u.keep(g, Phase::activate(g, u.sum(g)));
    Phase::update(u);
  }
  if constexpr (Cell::kHasC) put_output<Cell>(s, l, w, row, at, training);
}

// What R is applied to: rows h_stride apart.
const float* operand_of(RnContext* ctx, const Run& run, const ForwardStep& s, bool training) {
  if (!training || !run.phases.masks) return s.h_prev;
  const int64_t width = run.layout.h_stride;
  auto* to = (float*)run.phases.operand;
  parallel_items(ctx, s.rows, width, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * width; i < end * width; i += kLanes)
      store(to + i, load(s.h_prev + i) * load(run.phases.masks + i));
  });
  return to;
}

int32_t project(RnContext* ctx, const Run& run, ForwardStep s, int32_t precision, float* h) {
  const Layout& l = run.layout;
  const int32_t status = gemm(ctx, {.precision = precision,
                                    .m = s.rows,
                                    .n = l.state,
                                    .k = l.hidden,
                                    .a = s.made,
                                    .lda = l.stride,
                                    .trans_a = false,
                                    .b = run.norm.w_hr,
                                    .ldb = l.hidden,
                                    .trans_b = true,
                                    .c = h,
                                    .ldc = l.h_stride,
                                    .accumulate = false,
                                    .bias = nullptr,
                                    .packed_kind = 0,
                                    .packed_b = nullptr});
  if (status != RN_OK) return status;
  s.hidden = l.state;
  s.stride = l.h_stride;
  parallel_items(ctx, s.rows, l.h_stride, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t unit = 0; unit < l.h_stride / kLanes; ++unit)
        put_h(s, row, unit, load(h + row * l.h_stride + unit * kLanes));
  });
  return RN_OK;
}

template <class Cell>
int32_t run_steps(RnContext* ctx, const RnRecurrentDesc& desc, const Run& run, bool training,
                  int64_t s0, int64_t s1, float* gates, int64_t row0) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const ScratchScope scope(ctx);
  const int64_t h_floats = l.projects() ? q.batch * l.h_stride : 0;
  float* sums = scratch_floats(ctx, q.batch * (l.gate_stride + l.stride) + h_floats);
  if (!sums) return RN_ERR_OUT_OF_MEMORY;
  float *made = sums + q.batch * l.gate_stride, *h = made + q.batch * l.stride;
  memset(h, 0, (size_t)h_floats * sizeof(float));
  if (s0 == 0 && !run.started) start_rows(run, training, 0, q.batch);
  for (int64_t s = s0; s < s1; ++s) {
    const int64_t packed = q.offset[q.time_of(s, run.direction)], row = packed - row0;
    const ForwardStep step = step_of(run, s, gates + row * l.gate_stride, training);
    const Saved& state = run.state;
    NormStep at = {sums, made, nullptr, nullptr, nullptr};
    if (training)
      at = {sums, made, state.x_hat + packed * l.gate_stride, state.h_hat + packed * l.gate_stride,
            state.scales + packed * kNormScales};
    int32_t status = gemm(ctx, {.precision = desc.precision,
                                .m = step.rows,
                                .n = l.columns(),
                                .k = l.state,
                                .a = operand_of(ctx, run, step, training),
                                .lda = l.h_stride,
                                .trans_a = false,
                                .b = plain(nullptr),
                                .ldb = 0,
                                .trans_b = false,
                                .c = training ? at.h_hat : sums,
                                .ldc = l.gate_stride,
                                .accumulate = false,
                                .bias = nullptr,
                                .packed_kind = 0,
                                .packed_b = run.weights.recurrent[0]});
    if (status != RN_OK) return status;
    parallel_items(ctx, step.rows, 8 * l.gate_stride, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) normed_row<Cell>(step, l, run.norm, r, at, training);
    });
    if (step.made) status = project(ctx, run, step, desc.precision, h);
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

}  // namespace

int32_t normed_forward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run,
                             bool training, int64_t s0, int64_t s1, float* gates, int64_t row0) {
  return with_cell(desc.cell, [&]<class Cell>() {
    if constexpr (Cell::kNormed)
      return run_steps<Cell>(ctx, desc, *(const Run*)run, training, s0, s1, gates, row0);
    return (int32_t)RN_ERR_UNSUPPORTED;
  });
}

}  // namespace rnnative::cpu::RN_ISA

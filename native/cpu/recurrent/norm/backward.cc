// Backward steps with layer norm (norm.h).
#include "native/cpu/core/loops.h"
#include "native/cpu/recurrent/backward_run.h"
#include "native/cpu/recurrent/projection.h"
#include "native/cpu/recurrent/steps.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// What a row's passes hand on, [stride] each: gradients of h and c, c' as it was normalised and as
// the output sees it, and what c' gets through that.
struct NormedRow {
  float *dh, *dc, *hat, *seen, *through;
};
constexpr int kRowArrays = 5;
inline NormedRow row_of(float* room, int64_t stride) {
  return {room, room + stride, room + 2 * stride, room + 3 * stride, room + 4 * stride};
}

template <class Cell>
struct NormedUnit {
  const BackwardStep& s;
  int64_t row, unit;
  const NormedRow& of;
  const float* gates = s.gates + row * s.gate_stride + unit * Cell::kGates * kLanes;
  int64_t at = row * s.stride + unit * kLanes;

  RN_INLINE vf own(const float* array) const { return load(array + unit * kLanes); }
  RN_INLINE vf gate(int gate) const { return load(gates + gate * kLanes); }
  RN_INLINE vf extra() const { return load(s.extra + at); }
  RN_INLINE vf h() const { return load(s.h_prev + at); }
  RN_INLINE vf c() const { return load(s.c_prev + at); }
  RN_INLINE const RnCellOptions& options() const { return *s.variant.options; }
  RN_INLINE vf peephole(int k) const {
    return load(s.variant.peepholes + k * s.stride + unit * kLanes);
  }
  RN_INLINE vf dh() const { return own(of.dh); }
  RN_INLINE vf dc() const { return own(of.dc); }
  RN_INLINE vf seen(vf) const { return own(of.seen); }
  RN_INLINE vf through(vf, vf, vf dc) const { return dc + own(of.through); }
  RN_INLINE void carry_h(vf d) const { store(s.carry_h + at, d); }
  RN_INLINE void carry_c(vf d) const { store(s.carry_c + at, d); }
  RN_INLINE void put(int gate, vf d) const { put_gate(s, Cell::kGates, row, gate, unit, d); }
  RN_INLINE void put_apart(vf d) const { put_dextra(s, row, unit, d); }
};

// Where a step's rows put what the norm's own gradients are made of.
struct NormGradients {
  const float *x_hat, *h_hat, *scales;
  float *raw_x, *raw_h, *dseen, *dseen_hat;
};

// From the gradient of h to what c' gets through what the output sees of it.
template <class Cell>
void through_output(const BackwardStep& s, const Layout& l, const NormWeights& w, int64_t row,
                    const NormedRow& of, const NormGradients& to) {
  for (int64_t unit = 0; unit < l.units; ++unit)
    store(of.hat + unit * kLanes, Cell::state(NormedUnit<Cell>{s, row, unit, of}));
  const Block block = block_of_c(l);
  const Moments m = moments_of(block, of.hat);
  float *dseen = to.dseen + row * l.stride, *dseen_hat = to.dseen_hat + row * l.stride;
  for (int64_t unit = 0; unit < l.units; ++unit) {
    const NormedUnit<Cell> u = {s, row, unit, of};
    const int64_t i = unit * kLanes;
    const vf hat = (u.own(of.hat) - m.mean) * m.scale;
    const vf seen = fma(hat, load(w.c + i), load(w.c_bias + i)), y = Cell::outer(u, seen);
    const vf d = u.dh() * u.gate(Cell::kGates - 1) * Cell::outer_slope(u, y);
    store(of.hat + i, hat);
    store(of.seen + i, seen);
    store(dseen + i, d);
    store(dseen_hat + i, d * hat);
  }
  normalise_backward(
      block, of.hat, m.scale,
      [&](int64_t at, int64_t, int64_t) { return load(dseen + at) * load(w.c + at); },
      [&](int64_t at, int64_t, int64_t, vf d) { store(of.through + at, d); });
}

template <class Cell>
void normed_row(const BackwardStep& s, const Layout& l, const NormWeights& w, int64_t row,
                const float* sums, const NormedRow& of, const NormGradients& to) {
  for (int64_t unit = 0; unit < l.units; ++unit) {
    const int64_t i = unit * kLanes;
    store(of.dh + i, take_dh(s, row, unit, load(sums + i), Cell::kCarriesH));
    if constexpr (Cell::kHasC) store(of.dc + i, take_dc(s, row, unit));
  }
  if constexpr (Cell::kHasC) through_output<Cell>(s, l, w, row, of, to);
  for (int64_t unit = 0; unit < l.units; ++unit) {
    NormedUnit<Cell> u = {s, row, unit, of};
    Cell::Phases::First::backward(u);
  }
  constexpr int64_t kGates = Cell::kGates;
  const float* dgates = s.dgates + row * kGates * l.hidden;
  const auto side = [&](const float* gain, const float* hat, const float* scales, bool of_h,
                        float* raw) {
    for (int i = 0; i < blocks_of(l, w); ++i)
      normalise_backward(
          block_of(l, w, i), hat, scales[i],
          [&](int64_t at, int64_t unit, int64_t g) {
            const bool apart = of_h && g == Cell::kApart;
            const float* d = apart ? s.dextra + row * l.hidden : dgates + g * l.hidden;
            return load_units(d, unit, l.hidden) * load(gain + at);
          },
          [&](int64_t, int64_t unit, int64_t g, vf d) {
            store_units(raw + g * l.hidden, unit, l.hidden, d);
          });
  };
  const float* scales = to.scales + row * kNormScales;
  const int64_t first = row * l.gate_stride, width = row * kGates * l.hidden;
  side(w.ih, to.x_hat + first, scales, false, to.raw_x + width);
  side(w.hh, to.h_hat + first, scales + 2, true, to.raw_h + width);
}

// What reaches h through the later step's product with R: sums [rows, h_stride].
int32_t later_product(RnContext* ctx, const BackwardRun& run, const BackwardStep& step, int64_t s,
                      const PhaseProducts& phase, float* sums) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const int64_t width = l.traits.gates * l.hidden;
  memset(sums + step.continuing * l.h_stride, 0,
         (size_t)((step.rows - step.continuing) * l.h_stride) * sizeof(float));
  if (step.continuing == 0) return RN_OK;
  const int32_t status =
      gemm(ctx, {.precision = run.args->desc.precision,
                 .m = step.continuing,
                 .n = l.state,
                 .k = width,
                 .a = run.work.raw_h + q.offset[q.time_of(s + 1, run.direction)] * width,
                 .lda = width,
                 .trans_a = false,
                 .b = plain(nullptr),
                 .ldb = 0,
                 .trans_b = false,
                 .c = sums,
                 .ldc = l.h_stride,
                 .accumulate = false,
                 .bias = nullptr,
                 .packed_kind = 0,
                 .packed_b = phase.packed[0]});
  const float* masks = run.phases.masks;
  for (int64_t i = 0; masks && i < step.continuing * l.h_stride; i += kLanes)
    store(sums + i, load(sums + i) * load(masks + i));
  return status;
}

// From the gradient of h, sums, to that of what it is projected from.
int32_t project_back(RnContext* ctx, const BackwardRun& run, const BackwardStep& step,
                     const PhaseProducts& phase, const float* sums, float* dmade) {
  const Layout& l = run.layout;
  const BackwardStep above = above_projection(step, l);
  for (int64_t row = 0; row < step.rows; ++row)
    for (int64_t unit = 0; unit < l.h_stride / kLanes; ++unit)
      put_dextra(above, row, unit,
                 take_dh(above, row, unit, load(sums + row * l.h_stride + unit * kLanes), false));
  return gemm(ctx, {.precision = run.args->desc.precision,
                    .m = step.rows,
                    .n = l.hidden,
                    .k = l.state,
                    .a = step.dextra,
                    .lda = l.state,
                    .trans_a = false,
                    .b = plain(nullptr),
                    .ldb = 0,
                    .trans_b = false,
                    .c = dmade,
                    .ldc = l.stride,
                    .accumulate = false,
                    .bias = nullptr,
                    .packed_kind = 0,
                    .packed_b = phase.projection});
}

template <class Cell>
int32_t run_steps(RnContext* ctx, const BackwardRun& run, const PhaseProducts& phase, int64_t s0,
                  int64_t s1) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const ScratchScope scope(ctx);
  const int64_t floats = q.batch * ((kRowArrays + 1) * l.stride + l.h_stride);
  float* sums = scratch_floats(ctx, floats);
  if (!sums) return RN_ERR_OUT_OF_MEMORY;
  memset(sums, 0, (size_t)floats * sizeof(float));
  float *dmade = sums + q.batch * l.h_stride, *rows = dmade + q.batch * l.stride;
  for (int64_t s = s1 - 1; s >= s0; --s) {
    const BackwardStep step = step_of(run, s);
    int32_t status = later_product(ctx, run, step, s, phase, sums);
    if (status == RN_OK && l.projects()) status = project_back(ctx, run, step, phase, sums, dmade);
    if (status != RN_OK) return status;
    const BackwardStep of_cell = l.projects() ? below_projection(step) : step;
    const float* own = l.projects() ? dmade : sums;
    const int64_t packed = q.offset[q.time_of(s, run.direction)];
    const int64_t gates = packed * l.gate_stride, width = packed * l.traits.gates * l.hidden;
    const NormGradients to = {run.saved.x_hat + gates,
                              run.saved.h_hat + gates,
                              run.saved.scales + packed * kNormScales,
                              run.work.raw_x + width,
                              run.work.raw_h + width,
                              Cell::kHasC ? run.work.dseen + packed * l.stride : nullptr,
                              Cell::kHasC ? run.work.dseen_hat + packed * l.stride : nullptr};
    parallel_items(ctx, step.rows, 16 * l.gate_stride, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        normed_row<Cell>(of_cell, l, run.norm, r, own + r * l.stride,
                         row_of(rows + r * kRowArrays * l.stride, l.stride), to);
    });
  }
  return RN_OK;
}

}  // namespace

int32_t normed_backward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run,
                              const void* phases, int64_t s0, int64_t s1) {
  return with_cell(desc.cell, [&]<class Cell>() {
    if constexpr (Cell::kNormed)
      return run_steps<Cell>(ctx, *(const BackwardRun*)run, *(const PhaseProducts*)phases, s0, s1);
    return (int32_t)RN_ERR_UNSUPPORTED;
  });
}

}  // namespace rnnative::cpu::RN_ISA

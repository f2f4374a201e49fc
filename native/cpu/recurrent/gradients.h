// Gradients that need no order in time, computed once all steps' dgates are there: of the initial
// states, the weights, the biases and the layer's input. All are GEMMs or sums over the real tokens
// in packed order, so nothing depends on the number of threads.
#ifndef RNNATIVE_CPU_RECURRENT_GRADIENTS_H_
#define RNNATIVE_CPU_RECURRENT_GRADIENTS_H_

#include "native/cpu/core/loops.h"
#include "native/cpu/gemm/gemm.h"
#include "native/cpu/recurrent/norm/norm.h"
#include "native/cpu/recurrent/phases/phases.h"
#include "native/cpu/recurrent/recurrent.h"
#include "native/cpu/recurrent/variant.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// A phase's products with parts of R; at most two.
struct PhaseProducts {
  const ProductSpec* specs;
  int count;
  const void* packed[2];
  const void* projection;  // packed W_HR, of the first phase of a layer that has it; else NULL
};

// Scratch shared by all layers and directions, which run one after the other.
struct Work {
  float* dgates;             // [N, G * H]
  float* dextra;             // [N, P]
  float *carry_h, *carry_c;  // [B, stride]
  // bf16: rounded dgates and dextra of two steps, used in turn, [2, B] rows; else NULL.
  Bf16::Left *rounded_dgates, *rounded_dextra;
  // Layer norm's, else NULL: gradients of W x and of R h as they were before it, [N, G * H]; of
  // what the output sees of c, and that times c as it was normalised, [N, stride].
  float *raw_x, *raw_h, *dseen, *dseen_hat;
};

// One layer and direction while its gradients are computed.
struct BackwardRun {
  const RnRecurrentBackward* args;
  const Sequence* sequence;
  Layout layout;
  int direction;
  int64_t index;  // layer * directions + direction
  int64_t in;
  const float* x;   // [N, in]
  const float* dy;  // gradient of the layer's output at the direction's first column, or NULL
  bool last;        // dy is the caller's tensor, by batch row; else packed rows
  float* dx;        // [N, in] or NULL
  bool add_dx;
  bool projected;  // x holds the products with W, and dx their gradients, direction by direction
  Saved saved;
  Work work;
  StepPhases phases;
  CellVariant variant;
  NormWeights norm;

  // [N, G * H] of W x.
  const float* dinputs() const { return layout.norm ? work.raw_x : work.dgates; }
};

inline bool wanted(const RnGrad& g) {
  return g.mode != RN_GRAD_SKIP;
}
inline bool adds(const RnGrad& g) {
  return g.mode == RN_GRAD_ADD;
}

// The left operand of a product whose rows start at packed row `row`.
struct Operand {
  const float* data;
  int64_t ld;
};
inline Operand operand_of(const BackwardRun& run, const ProductSpec& spec, int64_t row) {
  const int64_t hidden = run.layout.hidden, width = run.layout.traits.gates * hidden;
  if (spec.extra) return {run.work.dextra + row * run.layout.state, run.layout.state};
  const float* dgates = run.layout.norm ? run.work.raw_h : run.work.dgates;
  return {dgates + row * width + spec.first_gate * hidden, width};
}

// Writes or adds state gradients [B, width]: `rows` by sorted row for rows with steps (row_stride
// apart, plus `more`, if given), the final state's gradient for rows without.
inline void put_state_gradient(const BackwardRun& run, const RnGrad& out, int64_t width,
                               const float* rows, int64_t row_stride, const float* more,
                               const float* final_gradient) {
  const Sequence& q = *run.sequence;
  const int64_t states = run.index * q.batch * width;
  for (int64_t r = 0; r < q.batch; ++r) {
    const int64_t b = q.order[r];
    float* to = (float*)out.data + states + b * width;
    for (int64_t i = 0; i < width; ++i) {
      float g = 0.0f;
      if (q.length[r] > 0) {
        g = rows[r * row_stride + i] + (more ? more[r * run.layout.stride + i] : 0.0f);
      } else if (final_gradient) {
        g = final_gradient[states + b * width + i];
      }
      to[i] = adds(out) ? to[i] + g : g;
    }
  }
}

// dh0: the products of each row's first step, and what that step passed on past them.
template <class Cell>
int32_t initial_state_gradients(RnContext* ctx, const BackwardRun& run,
                                const PhaseProducts* phases) {
  const RnRecurrentBackward& args = *run.args;
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden, state = run.layout.state, rows = q.active(0);
  if (Cell::kHasC && wanted(args.dc0))
    put_state_gradient(run, args.dc0, hidden, run.work.carry_c, run.layout.stride,
                       run.phases.zoneout.c.passed, (const float*)args.dcn);
  if (!wanted(args.dh0)) return RN_OK;
  float* dh = scratch_floats(ctx, rows * state);
  float* first = scratch_floats(ctx, rows * Cell::kGates * hidden);
  if (!dh || !first) return RN_ERR_OUT_OF_MEMORY;
  bool accumulate = false;
  for (int p = 0; p < Cell::BackwardPhases::kCount; ++p)
    for (int i = 0; i < phases[p].count; ++i) {
      const ProductSpec& spec = phases[p].specs[i];
      if (spec.current) continue;
      const int64_t k = spec.gates * hidden;
      for (int64_t r = 0; r < rows; ++r)
        memcpy(first + r * k, operand_of(run, spec, q.first_row(r, run.direction)).data,
               (size_t)k * sizeof(float));
      const int32_t status = gemm(ctx, {.precision = args.desc.precision,
                                        .m = rows,
                                        .n = state,
                                        .k = k,
                                        .a = first,
                                        .lda = k,
                                        .trans_a = false,
                                        .b = {},
                                        .ldb = 0,
                                        .trans_b = false,
                                        .c = dh,
                                        .ldc = state,
                                        .accumulate = accumulate,
                                        .bias = nullptr,
                                        .packed_kind = 0,
                                        .packed_b = phases[p].packed[i]});
      if (status != RN_OK) return status;
      accumulate = true;
    }
  after_last_product(run.phases, run.layout, rows, dh);
  put_state_gradient(run, args.dh0, state, dh, state, Cell::kCarriesH ? run.work.carry_h : nullptr,
                     (const float*)args.dhn);
  return RN_OK;
}

// out [columns of a, n] (+)= a^T b over the N real tokens.
inline int32_t weight_gradient(RnContext* ctx, const BackwardRun& run, const Operand& a, int64_t m,
                               const float* b, int64_t ldb, int64_t n, float* out, bool add) {
  return gemm(ctx, {.precision = run.args->desc.precision,
                    .m = m,
                    .n = n,
                    .k = run.sequence->rows,
                    .a = a.data,
                    .lda = a.ld,
                    .trans_a = true,
                    .b = {b, 0, 0},
                    .ldb = ldb,
                    .trans_b = false,
                    .c = out,
                    .ldc = n,
                    .accumulate = add,
                    .bias = nullptr,
                    .packed_kind = 0,
                    .packed_b = nullptr});
}

// Gradients of R: each product's operand against what R was applied to; of W_HR; and b_hh's where
// it has an array of its own.
inline int32_t recurrent_gradients(RnContext* ctx, const BackwardRun& run,
                                   const PhaseProducts* phases, int count) {
  const RnRecurrentSlotGrads& grads = run.args->dslots[run.index];
  const Layout& l = run.layout;
  const int64_t tokens = run.sequence->rows, hidden = l.hidden, state = l.state;
  if (run.saved.made && wanted(grads.slot[RN_W_HR])) {
    const int32_t status =
        weight_gradient(ctx, run, {run.work.dextra, state}, state, run.saved.made, l.stride, hidden,
                        (float*)grads.slot[RN_W_HR].data, adds(grads.slot[RN_W_HR]));
    if (status != RN_OK) return status;
  }
  for (int p = 0; p < count; ++p)
    for (int i = 0; i < phases[p].count; ++i) {
      const ProductSpec& spec = phases[p].specs[i];
      const Operand a = operand_of(run, spec, 0);
      const int64_t row = spec.first_gate * hidden, rows = spec.gates * hidden;
      if (wanted(grads.slot[RN_W_HH])) {
        const ScratchScope scope(ctx);
        const float* b = applied_to(ctx, run.phases, *run.sequence, l,
                                    spec.current ? run.saved.extra : run.saved.h_prev);
        if (!b) return RN_ERR_OUT_OF_MEMORY;
        const int32_t status = weight_gradient(ctx, run, a, rows, b, l.h_stride, state,
                                               (float*)grads.slot[RN_W_HH].data + row * state,
                                               adds(grads.slot[RN_W_HH]));
        if (status != RN_OK) return status;
      }
      if (wanted(grads.slot[RN_B_HH]) && spec.extra)
        sum_columns(ctx, tokens, rows, a.data, a.ld, (float*)grads.slot[RN_B_HH].data + row,
                    adds(grads.slot[RN_B_HH]));
    }
  return RN_OK;
}

inline void put_sums(const RnGrad& out, const float* sums, int64_t n) {
  float* to = (float*)out.data;
  for (int64_t i = 0; i < n; ++i) to[i] = adds(out) ? to[i] + sums[i] : sums[i];
}

// Of layer norm's gains and of its bias: sums over the real tokens, in packed order, each thread
// having units of its own.
inline void norm_gradients(RnContext* ctx, const BackwardRun& run) {
  const RnGrad* grads = run.args->dslots[run.index].slot;
  const Layout& l = run.layout;
  const int64_t tokens = run.sequence->rows, gates = l.traits.gates;
  const auto gain = [&](const RnGrad& grad, const float* hat, bool of_h) {
    if (!wanted(grad)) return;
    parallel_for(ctx, l.units, 65536 / (tokens * kLanes + 1), [&](int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; ++unit)
        for (int64_t g = 0; g < gates; ++g) {
          const bool apart = of_h && l.traits.has_dextra && g == gates - 1;
          vf total = zero();
          for (int64_t row = 0; row < tokens; ++row) {
            const float* d = apart ? run.work.dextra + row * l.hidden
                                   : run.work.dgates + (row * gates + g) * l.hidden;
            total = fma(load_units(d, unit, l.hidden),
                        load(hat + row * l.gate_stride + (unit * gates + g) * kLanes), total);
          }
          float* to = (float*)grad.data + g * l.hidden;
          store_units(to, unit, l.hidden,
                      adds(grad) ? load_units(to, unit, l.hidden) + total : total);
        }
    });
  };
  gain(grads[RN_N_IH], run.saved.x_hat, false);
  gain(grads[RN_N_HH], run.saved.h_hat, true);
  if (wanted(grads[RN_N_C]))
    sum_columns(ctx, tokens, l.hidden, run.work.dseen_hat, l.stride, (float*)grads[RN_N_C].data,
                adds(grads[RN_N_C]));
  if (wanted(grads[RN_N_C_BIAS]))
    sum_columns(ctx, tokens, l.hidden, run.work.dseen, l.stride, (float*)grads[RN_N_C_BIAS].data,
                adds(grads[RN_N_C_BIAS]));
}

// Gradients of b_ih, of b_hh for the gates where it is the same, and of peepholes.
template <class Cell>
int32_t bias_gradients(RnContext* ctx, const BackwardRun& run) {
  const RnRecurrentSlotGrads& grads = run.args->dslots[run.index];
  if constexpr (Cell::kPeepholes)
    peephole_gradients<Cell>(ctx, run.variant, run.layout, run.saved, run.work.dgates,
                             run.sequence->rows, grads.slot + RN_P_I);
  if (run.layout.norm) norm_gradients(ctx, run);
  if (!wanted(grads.slot[RN_B_IH]) && !wanted(grads.slot[RN_B_HH])) return RN_OK;
  const CellTraits& traits = run.layout.traits;
  const int64_t hidden = run.layout.hidden, width = traits.gates * hidden;
  float* sums = scratch_floats(ctx, width);
  if (!sums) return RN_ERR_OUT_OF_MEMORY;
  sum_columns(ctx, run.sequence->rows, width, run.work.dgates, width, sums, false);
  if (wanted(grads.slot[RN_B_IH])) put_sums(grads.slot[RN_B_IH], sums, width);
  if (wanted(grads.slot[RN_B_HH]))
    put_sums(grads.slot[RN_B_HH], sums, width - traits.has_dextra * hidden);
  // Else it is a product's (recurrent_gradients).
  if (run.layout.norm && traits.has_dextra && wanted(grads.slot[RN_B_HH]))
    sum_columns(ctx, run.sequence->rows, hidden, run.work.dextra, hidden,
                (float*)grads.slot[RN_B_HH].data + width - hidden, adds(grads.slot[RN_B_HH]));
  return RN_OK;
}

inline void projected_gradients(RnContext* ctx, const BackwardRun& run) {
  const int64_t width = run.layout.traits.gates * run.layout.hidden;
  parallel_items(ctx, run.sequence->rows, width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* from = run.dinputs() + r * width;
      float* to = run.dx + r * run.in + run.direction * width;
      for (int64_t i = 0; i < width; ++i) to[i] = run.add_dx ? to[i] + from[i] : from[i];
    }
  });
}

// Gradients of W and of the layer's input.
inline int32_t input_gradients(RnContext* ctx, const BackwardRun& run) {
  if (run.projected) {
    if (run.dx) projected_gradients(ctx, run);
    return RN_OK;
  }
  const RnRecurrentSlotGrads& grads = run.args->dslots[run.index];
  const int64_t tokens = run.sequence->rows, width = run.layout.traits.gates * run.layout.hidden;
  const Operand a = {run.dinputs(), width};
  int32_t status = RN_OK;
  if (wanted(grads.slot[RN_W_IH]))
    status = weight_gradient(ctx, run, a, width, run.x, run.in, run.in,
                             (float*)grads.slot[RN_W_IH].data, adds(grads.slot[RN_W_IH]));
  if (status != RN_OK || !run.dx) return status;
  return gemm(ctx, {.precision = run.args->desc.precision,
                    .m = tokens,
                    .n = run.in,
                    .k = width,
                    .a = a.data,
                    .lda = width,
                    .trans_a = false,
                    .b = run.args->slots[run.index].slot[RN_W_IH],
                    .ldb = run.in,
                    .trans_b = false,
                    .c = run.dx,
                    .ldc = run.in,
                    .accumulate = run.add_dx,
                    .bias = nullptr,
                    .packed_kind = 0,
                    .packed_b = nullptr});
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_GRADIENTS_H_

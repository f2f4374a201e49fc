// The recurrent stack, backward through time. A step's gradients before the activations follow from
// those of the step after it: a product with R whose tiles pass straight into the cell's elementwise
// backward (recurrent_step.h). Everything that needs no order in time is left to GEMMs over all real
// tokens: the weights' gradients, the biases' and the input's. Sums over tokens are formed in packed
// order, so nothing depends on the number of threads.
#include "native/cpu/gemm/gemm.h"
#include "native/cpu/kernels.h"
#include "native/cpu/recurrent.h"
#include "native/cpu/recurrent_dropout.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// A phase's products with parts of R; at most two.
struct PhaseProducts {
  const ProductSpec* specs;
  int count;
  const float* packed[2];
};

// Scratch shared by all layers and directions, which run one after the other.
struct Work {
  float* dgates;             // [N, G * H]
  float* dextra;             // [N, H]
  float *carry_h, *carry_c;  // [B, stride]
};

struct Run {
  const RnRecurrentBackward* args;
  const Sequence* sequence;
  Layout layout;
  int direction;
  int64_t index;     // layer * directions + direction
  int64_t in;
  const float* x;    // [N, in]
  const float* dy;   // gradient of the layer's output at the direction's first column, or NULL
  bool last;         // dy is the caller's tensor, by batch row; else packed rows
  float* dx;         // [N, in] or NULL
  bool add_dx;
  Saved saved;
  Work work;
};

bool wanted(const RnGrad& g) { return g.mode != RN_GRAD_SKIP; }
bool adds(const RnGrad& g) { return g.mode == RN_GRAD_ADD; }

template <class Phase>
int products_of(RnContext* ctx, const Run& run, int first, PhaseProducts* out) {
  constexpr int kCount = sizeof(Phase::kProducts) / sizeof(ProductSpec);
  const RnRecurrentBackward& args = *run.args;
  const RnWeight& w = args.slots[run.index].w_hh;
  const int64_t hidden = run.layout.hidden;
  *out = {Phase::kProducts, kCount, {}};
  for (int i = 0; i < kCount; ++i) {
    const ProductSpec& spec = Phase::kProducts[i];
    const int64_t k = spec.gates * hidden;
    int32_t fresh = 0;
    float* packed = packed_weight(ctx, w, packed_kind(args.desc.cell, kPackedBackward + first + i),
                                  packed_floats(k, hidden), &fresh);
    if (!packed) return -1;
    if (fresh)
      pack_matrix(ctx, (const float*)w.data + spec.first_gate * hidden * hidden, hidden, false, k,
                  hidden, nullptr, packed);
    out->packed[i] = packed;
  }
  return first + kCount;
}
template <class... Phase>
bool pack_products(Phases<Phase...>, RnContext* ctx, const Run& run, PhaseProducts* out) {
  int next = 0, i = 0;
  ((next = next < 0 ? -1 : products_of<Phase>(ctx, run, next, &out[i++])), ...);
  return next >= 0;
}

// The left operand of a product whose rows start at packed row `row`.
struct Operand {
  const float* data;
  int64_t ld;
};
Operand operand_of(const Run& run, const ProductSpec& spec, int64_t row) {
  const int64_t hidden = run.layout.hidden, width = run.layout.traits.gates * hidden;
  if (spec.extra) return {run.work.dextra + row * hidden, hidden};
  return {run.work.dgates + row * width + spec.first_gate * hidden, width};
}

BackwardStep step_of(const Run& run, int64_t s) {
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const RnRecurrentBackward& args = *run.args;
  const int64_t t = q.time_of(s, run.direction), row = q.offset[t];
  const int64_t then = q.active(q.time_of(s + 1, run.direction));
  const int64_t states = run.index * q.batch * l.hidden;
  const Saved& saved = run.saved;
  BackwardStep step = {};
  step.rows = q.active(t);
  step.continuing = then < step.rows ? then : step.rows;
  step.hidden = l.hidden;
  step.stride = l.stride;
  step.gates = saved.gates + row * l.gate_stride;
  step.gate_stride = l.gate_stride;
  step.h_prev = saved.h_prev + row * l.stride;
  step.c_prev = saved.c_prev ? saved.c_prev + row * l.stride : nullptr;
  step.extra = saved.extra ? saved.extra + row * l.stride : nullptr;
  step.dy = run.dy ? run.dy + (run.last ? t * q.batch : row) * l.width : nullptr;
  step.dy_stride = l.width;
  step.dy_order = run.last && !q.dense ? q.order : nullptr;
  step.dhn = args.dhn ? (const float*)args.dhn + states : nullptr;
  step.dcn = args.dcn ? (const float*)args.dcn + states : nullptr;
  step.order = q.order;
  step.dgates = run.work.dgates + row * l.traits.gates * l.hidden;
  step.dextra = run.work.dextra ? run.work.dextra + row * l.hidden : nullptr;
  step.carry_h = run.work.carry_h;
  step.carry_c = run.work.carry_c;
  return step;
}

template <class Phase>
void run_phase(const Run& run, const BackwardStep& step, int64_t s, const PhaseProducts& phase,
               const Place& place, float* sums) {
  const Sequence& q = *run.sequence;
  const bool current = phase.specs[0].current;
  const int64_t t = q.time_of(current ? s : s + 1, run.direction);
  const int64_t rows = current ? step.rows : step.continuing;
  Product products[2] = {};
  for (int i = 0; i < phase.count; ++i) {
    const Operand a = operand_of(run, phase.specs[i], rows > 0 ? q.offset[t] : 0);
    products[i] = {a.data, a.ld, phase.specs[i].gates * step.hidden, phase.packed[i]};
  }
  backward_phase<Phase>(step, products, rows, place, sums);
}

template <class... Phase>
int32_t run_steps(Phases<Phase...>, RnContext* ctx, const Run& run, const PhaseProducts* phases) {
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden;
  const StepShape shape = {q.batch, run.layout.traits.gates * hidden, (hidden + kPanel - 1) / kPanel,
                           kTileRows, kPanelVectors};
  return run_grid(ctx, shape, [&](const Place& place, float* sums, const auto& sync) {
    for (int64_t s = q.steps - 1; s >= 0; --s) {
      const BackwardStep step = step_of(run, s);
      int i = 0;
      ((run_phase<Phase>(run, step, s, phases[i++], place, sums), sync()), ...);
    }
  });
}

// Writes or adds state gradients [B, H]: `rows` by sorted row for rows with steps (row_stride apart,
// plus `more`, if given), the final state's gradient for rows without.
void put_state_gradient(const Run& run, const RnGrad& out, const float* rows, int64_t row_stride,
                        const float* more, const float* final_gradient) {
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden, states = run.index * q.batch * hidden;
  for (int64_t r = 0; r < q.batch; ++r) {
    const int64_t b = q.order[r];
    float* to = (float*)out.data + states + b * hidden;
    for (int64_t i = 0; i < hidden; ++i) {
      float g = 0.0f;
      if (q.length[r] > 0) {
        g = rows[r * row_stride + i] + (more ? more[r * run.layout.stride + i] : 0.0f);
      } else if (final_gradient) {
        g = final_gradient[states + b * hidden + i];
      }
      to[i] = adds(out) ? to[i] + g : g;
    }
  }
}

// dh0: the products of each row's first step, and what that step passed on past them.
template <class Cell>
int32_t initial_state_gradients(RnContext* ctx, const Run& run, const PhaseProducts* phases) {
  const RnRecurrentBackward& args = *run.args;
  const Sequence& q = *run.sequence;
  const int64_t hidden = run.layout.hidden, rows = q.active(0);
  if (Cell::kHasC && wanted(args.dc0))
    put_state_gradient(run, args.dc0, run.work.carry_c, run.layout.stride, nullptr,
                       (const float*)args.dcn);
  if (!wanted(args.dh0)) return RN_OK;
  float* dh = scratch_floats(ctx, rows * hidden);
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
      const int32_t status = gemm(ctx, {.m = rows,
                                        .n = hidden,
                                        .k = k,
                                        .a = first,
                                        .lda = k,
                                        .trans_a = false,
                                        .b = {},
                                        .ldb = 0,
                                        .trans_b = false,
                                        .c = dh,
                                        .ldc = hidden,
                                        .accumulate = accumulate,
                                        .bias = nullptr,
                                        .packed_kind = 0,
                                        .packed_b = phases[p].packed[i]});
      if (status != RN_OK) return status;
      accumulate = true;
    }
  put_state_gradient(run, args.dh0, dh, hidden, Cell::kCarriesH ? run.work.carry_h : nullptr,
                     (const float*)args.dhn);
  return RN_OK;
}

// out [columns of a, n] (+)= a^T b over the N real tokens.
int32_t weight_gradient(RnContext* ctx, int64_t tokens, const Operand& a, int64_t m, const float* b,
                        int64_t ldb, int64_t n, float* out, bool add) {
  return gemm(ctx, {.m = m,
                    .n = n,
                    .k = tokens,
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

// Gradients of R: each product's operand against what R was applied to; and b_hh's where it has an
// array of its own.
int32_t recurrent_gradients(RnContext* ctx, const Run& run, const PhaseProducts* phases, int count) {
  const RnRecurrentSlotGrads& grads = run.args->dslots[run.index];
  const Layout& l = run.layout;
  const int64_t tokens = run.sequence->rows, hidden = l.hidden;
  for (int p = 0; p < count; ++p)
    for (int i = 0; i < phases[p].count; ++i) {
      const ProductSpec& spec = phases[p].specs[i];
      const Operand a = operand_of(run, spec, 0);
      const int64_t row = spec.first_gate * hidden, rows = spec.gates * hidden;
      if (wanted(grads.w_hh)) {
        const float* b = spec.current ? run.saved.extra : run.saved.h_prev;
        const int32_t status =
            weight_gradient(ctx, tokens, a, rows, b, l.stride, hidden,
                            (float*)grads.w_hh.data + row * hidden, adds(grads.w_hh));
        if (status != RN_OK) return status;
      }
      if (wanted(grads.b_hh) && spec.extra)
        sum_columns(ctx, tokens, rows, a.data, a.ld, (float*)grads.b_hh.data + row, adds(grads.b_hh));
    }
  return RN_OK;
}

void put_sums(const RnGrad& out, const float* sums, int64_t n) {
  float* to = (float*)out.data;
  for (int64_t i = 0; i < n; ++i) to[i] = adds(out) ? to[i] + sums[i] : sums[i];
}

// Gradients of b_ih, and of b_hh for the gates where it is the same.
int32_t bias_gradients(RnContext* ctx, const Run& run) {
  const RnRecurrentSlotGrads& grads = run.args->dslots[run.index];
  if (!wanted(grads.b_ih) && !wanted(grads.b_hh)) return RN_OK;
  const CellTraits& traits = run.layout.traits;
  const int64_t hidden = run.layout.hidden, width = traits.gates * hidden;
  float* sums = scratch_floats(ctx, width);
  if (!sums) return RN_ERR_OUT_OF_MEMORY;
  sum_columns(ctx, run.sequence->rows, width, run.work.dgates, width, sums, false);
  if (wanted(grads.b_ih)) put_sums(grads.b_ih, sums, width);
  if (wanted(grads.b_hh)) put_sums(grads.b_hh, sums, width - traits.has_dextra * hidden);
  return RN_OK;
}

// Gradients of W and of the layer's input.
int32_t input_gradients(RnContext* ctx, const Run& run) {
  const RnRecurrentSlotGrads& grads = run.args->dslots[run.index];
  const int64_t tokens = run.sequence->rows, width = run.layout.traits.gates * run.layout.hidden;
  const Operand a = {run.work.dgates, width};
  int32_t status = RN_OK;
  if (wanted(grads.w_ih))
    status = weight_gradient(ctx, tokens, a, width, run.x, run.in, run.in, (float*)grads.w_ih.data,
                             adds(grads.w_ih));
  if (status != RN_OK || !run.dx) return status;
  return gemm(ctx, {.m = tokens,
                    .n = run.in,
                    .k = width,
                    .a = a.data,
                    .lda = width,
                    .trans_a = false,
                    .b = run.args->slots[run.index].w_ih,
                    .ldb = run.in,
                    .trans_b = false,
                    .c = run.dx,
                    .ldc = run.in,
                    .accumulate = run.add_dx,
                    .bias = nullptr,
                    .packed_kind = 0,
                    .packed_b = nullptr});
}

template <class Cell>
int32_t run_backward(RnContext* ctx, const Run& run) {
  PhaseProducts phases[Cell::BackwardPhases::kCount];
  if (!pack_products(typename Cell::BackwardPhases(), ctx, run, phases)) return RN_ERR_OUT_OF_MEMORY;
  int32_t status = run_steps(typename Cell::BackwardPhases(), ctx, run, phases);
  if (status == RN_OK) status = initial_state_gradients<Cell>(ctx, run, phases);
  if (status == RN_OK) status = recurrent_gradients(ctx, run, phases, Cell::BackwardPhases::kCount);
  if (status == RN_OK) status = bias_gradients(ctx, run);
  if (status == RN_OK) status = input_gradients(ctx, run);
  return status;
}

bool make_work(RnContext* ctx, const Layout& l, const Sequence& q, Work* out) {
  out->dgates = scratch_floats(ctx, q.rows * l.traits.gates * l.hidden);
  out->dextra = l.traits.has_dextra ? scratch_floats(ctx, q.rows * l.hidden) : nullptr;
  out->carry_h = scratch_floats(ctx, 2 * q.batch * l.stride);
  out->carry_c = out->carry_h + q.batch * l.stride;
  return out->dgates && out->carry_h && (out->dextra || !l.traits.has_dextra);
}

}  // namespace

int32_t recurrent_backward(RnContext* ctx, const RnRecurrentBackward* args) {
  const RnRecurrentDesc& desc = args->desc;
  Sequence sequence;
  int32_t status = make_sequence(ctx, args->lengths, desc.time, desc.batch, &sequence);
  if (status != RN_OK) return status;
  const CellTraits traits = with_cell(desc.cell, []<class Cell>() { return traits_of<Cell>(); });
  const Layout layout = make_layout(desc, traits);
  float* reserve = (float*)args->reserve;  // only read
  Work work;
  if (!make_work(ctx, layout, sequence, &work)) return RN_ERR_OUT_OF_MEMORY;

  const bool dx_wanted = wanted(args->dx), dense = sequence.dense;
  const float* x = (const float*)args->x;
  float* packed_dx = nullptr;  // layer 0's dx where packed rows are not the caller's
  if (!dense) {
    float* packed = scratch_floats(ctx, sequence.rows * desc.input);
    if (dx_wanted) packed_dx = scratch_floats(ctx, sequence.rows * desc.input);
    if (!packed || (dx_wanted && !packed_dx)) return RN_ERR_OUT_OF_MEMORY;
    gather_rows(ctx, sequence, desc.input, x, packed);
    x = packed;
  }
  float* between[2] = {nullptr, nullptr};  // gradients of the outputs between layers
  for (int i = 0; i < 2 && i < desc.layers - 1; ++i)
    if (!(between[i] = scratch_floats(ctx, sequence.rows * layout.width))) return RN_ERR_OUT_OF_MEMORY;

  const float* dy = (const float*)args->dy;
  for (int layer = desc.layers - 1; layer >= 0; --layer) {
    float* dx = layer > 0 ? between[(layer - 1) & 1]
                : !dx_wanted ? nullptr
                : dense      ? (float*)args->dx.data
                             : packed_dx;
    for (int direction = 0; direction < desc.directions; ++direction) {
      Run run = {};
      run.args = args;
      run.sequence = &sequence;
      run.layout = layout;
      run.direction = direction;
      run.index = layer * desc.directions + direction;
      run.in = layer == 0 ? desc.input : layout.width;
      run.x = layer == 0 ? x : layout.output(reserve, layer - 1);
      run.dy = dy ? dy + direction * desc.hidden : nullptr;
      run.last = layer == desc.layers - 1;
      run.dx = dx;
      run.add_dx = direction > 0 || (layer == 0 && dense && adds(args->dx));
      run.saved = layout.saved(reserve, run.index);
      run.work = work;
      status = with_cell(desc.cell, [&]<class Cell>() { return run_backward<Cell>(ctx, run); });
      if (status != RN_OK) return status;
    }
    if (layer > 0) drop_rows(ctx, desc, sequence, layer - 1, dx);
    dy = dx;
  }
  if (packed_dx) {
    scatter_rows(ctx, sequence, desc.input, packed_dx, (float*)args->dx.data, adds(args->dx));
    if (!adds(args->dx)) clear_padding(sequence, desc.input, (float*)args->dx.data);
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

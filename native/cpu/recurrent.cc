// The recurrent stack, forward. A layer and direction is one GEMM for W x + b over many steps,
// whose output is laid out as the cells want it, and then one parallel region for the sequence, in
// which each step is the cell's phases (recurrent_forward_step.h). In training W x + b is computed
// into the reserve and the activations overwrite it; in inference it is computed in chunks of steps
// that stay cached.
#include "native/cpu/recurrent.h"

#include "native/cpu/gemm/gemm.h"
#include "native/cpu/kernels.h"
#include "native/cpu/recurrent_dropout.h"
#include "native/cpu/recurrent_forward_step.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Packed weights and biases of a layer and direction.
struct Weights {
  const void* input;         // W, its columns in gate order [unit vector][gate][lane]
  const float* bias;         // [gate_stride] in the same order
  const float* bias_apart;   // [stride] or NULL: ForwardStep.recurrent_bias
  const void* recurrent[2];  // a packed form of R for each phase
};

template <class Cell>
const void* pack_input(RnContext* ctx, const RnRecurrentDesc& desc, const RnWeight& w, int64_t in,
                       const Layout& l) {
  int32_t fresh = 0;
  void* packed = packed_weight(ctx, w, packed_kind(desc, kPackedInput),
                               packed_bytes(desc.precision, in, l.gate_stride), &fresh);
  if (!packed || !fresh) return packed;
  int32_t* columns = (int32_t*)ctx->scratch(ctx->runtime, (size_t)l.gate_stride * sizeof(int32_t));
  if (!columns) return nullptr;
  for (int64_t j = 0; j < l.gate_stride; ++j) {
    const int64_t vector = j / kLanes, unit = vector / Cell::kGates * kLanes + j % kLanes;
    columns[j] = unit < l.hidden ? (int32_t)(vector % Cell::kGates * l.hidden + unit) : -1;
  }
  pack_matrix(ctx, desc.precision, (const float*)w.data, in, true, in, l.gate_stride, columns,
              packed);
  return packed;
}

template <class Cell>
bool pack_biases(RnContext* ctx, const RnRecurrentSlots& slots, const Layout& l, Weights* out) {
  float* bias = scratch_floats(ctx, l.gate_stride + l.stride);
  if (!bias) return false;
  float* apart = bias + l.gate_stride;
  const float *b_ih = (const float*)slots.b_ih.data, *b_hh = (const float*)slots.b_hh.data;
  for (int64_t unit = 0; unit < l.stride; ++unit)
    for (int g = 0; g < Cell::kGates; ++g) {
      const bool real = unit < l.hidden;
      const float input = real && b_ih ? b_ih[g * l.hidden + unit] : 0.0f;
      const float hidden = real && b_hh ? b_hh[g * l.hidden + unit] : 0.0f;
      float* at = bias + (unit / kLanes * Cell::kGates + g) * kLanes + unit % kLanes;
      *at = g == Cell::kBiasApart ? input : input + hidden;
      if (g == Cell::kBiasApart) apart[unit] = hidden;
    }
  out->bias = bias;
  out->bias_apart = apart;
  return true;
}

template <class Phase>
const void* pack_phase(RnContext* ctx, const RnRecurrentDesc& desc, int index, const RnWeight& w,
                       const Layout& l) {
  return with_element(desc.precision, [&]<class E>() {
    const size_t bytes = ForwardTile<Phase>::template packed_bytes<E>(l.units, l.hidden);
    int32_t fresh = 0;
    auto* packed = (typename E::Right*)packed_weight(
        ctx, w, packed_kind(desc, kPackedForward + index), bytes, &fresh);
    if (packed && fresh)
      pack_recurrent<E, Phase>(ctx, (const float*)w.data, l.hidden, l.units, packed);
    return (const void*)packed;
  });
}
template <class... Phase>
bool pack_phases(Phases<Phase...>, RnContext* ctx, const RnRecurrentDesc& desc, const RnWeight& w,
                 const Layout& l, Weights* out) {
  int i = 0;
  bool enough = true;
  ((out->recurrent[i] = pack_phase<Phase>(ctx, desc, i, w, l), enough &= !!out->recurrent[i], ++i),
   ...);
  return enough;
}

// One layer and direction while it runs.
struct Run {
  const RnRecurrentForward* args;
  const Sequence* sequence;
  Layout layout;
  int direction;
  Weights weights;
  Saved state;          // training: the reserve's arrays. Inference: see start_states
  float* y;             // the layer's output at the direction's first column
  bool last;            // y is the caller's tensor, by batch row; else packed rows
  float *hn, *cn;       // [B, H]
  Bf16::Left* rounded;  // bf16: two sets of [B] rows of h, used in turn, and one of extra; or NULL
  int64_t rounded_stride;
};

// State rows as a step finds them: [N] rows in training. In inference h_prev holds two sets of [B]
// rows used in turn, c_prev and extra one; rows that join late find their initial state in both.
ForwardStep step_of(const Run& run, int64_t s, float* gates, bool training) {
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
  step.y_stride = l.width;
  step.y = run.y + (run.last ? t * q.batch : q.offset[t]) * l.width;
  step.y_order = by_batch_row ? q.order : nullptr;
  step.hn = run.hn;
  step.cn = run.cn;
  step.order = q.order;
  return step;
}

// Sets initial states where each row starts; rows without steps pass theirs through.
void start_states(const Run& run, const float* initial, float* state, float* final_state,
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
bool start_rounded(RnContext* ctx, const float* initial, Run* run) {
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

// Rows of W x + b that inference computes at a time: about 4 MiB, but enough for the GEMM.
int64_t chunk_rows(const Layout& l) {
  const int64_t rows = (4 << 20) / (l.gate_stride * (int64_t)sizeof(float));
  return rows < 512 ? 512 : rows;
}

template <class Cell, bool kTraining>
int32_t run_forward(RnContext* ctx, Run run, const float* x, int64_t in, int64_t index) {
  const RnRecurrentForward& args = *run.args;
  const RnRecurrentSlots& slots = args.slots[index];
  const Sequence& q = *run.sequence;
  const Layout& l = run.layout;
  const RnRecurrentDesc& desc = args.desc;
  typename Cell::ForwardPhases phases;
  run.weights.input = pack_input<Cell>(ctx, desc, slots.w_ih, in, l);
  if (!run.weights.input || !pack_phases(phases, ctx, desc, slots.w_hh, l, &run.weights) ||
      !pack_biases<Cell>(ctx, slots, l, &run.weights))
    return RN_ERR_OUT_OF_MEMORY;

  const int64_t states = q.batch * l.hidden, chunk = chunk_rows(l);
  float* gates = run.state.gates;
  if (!kTraining) {
    const int64_t most = chunk < q.rows ? (chunk > q.batch ? chunk : q.batch) : q.rows;
    gates = scratch_floats(ctx, most * l.gate_stride);
    float* state = scratch_floats(ctx, q.batch * l.stride * 4);
    if (!gates || !state) return RN_ERR_OUT_OF_MEMORY;
    const int64_t set = q.batch * l.stride;
    run.state = {gates, state, state + 2 * set, state + 3 * set};
  }
  run.hn = (float*)args.hn + index * states;
  run.cn = Cell::kHasC ? (float*)args.cn + index * states : nullptr;
  const float *h0 = (const float*)args.h0, *c0 = (const float*)args.c0;
  if (h0) h0 += index * states;
  start_states(run, h0, run.state.h_prev, run.hn, kTraining, 2);
  if (desc.precision == RN_PRECISION_BF16 && !start_rounded(ctx, h0, &run))
    return RN_ERR_OUT_OF_MEMORY;
  if (Cell::kHasC)
    start_states(run, c0 ? c0 + index * states : nullptr, run.state.c_prev, run.cn, kTraining, 1);

  for (int64_t s0 = 0, s1 = 0; s0 < q.steps; s0 = s1) {
    int64_t rows = 0;
    while (s1 < q.steps &&
           (kTraining || s1 == s0 || rows + q.active(q.time_of(s1, run.direction)) <= chunk))
      rows += q.active(q.time_of(s1++, run.direction));
    // The steps' packed rows are contiguous; the earliest comes first in either direction.
    const int64_t row0 = q.offset[run.direction == 0 ? s0 : q.time_of(s1 - 1, 1)];
    int32_t status = gemm(ctx, {.precision = desc.precision,
                                .m = rows,
                                .n = l.gate_stride,
                                .k = in,
                                .a = x + row0 * in,
                                .lda = in,
                                .trans_a = false,
                                .b = plain(nullptr),
                                .ldb = 0,
                                .trans_b = false,
                                .c = gates,
                                .ldc = l.gate_stride,
                                .accumulate = false,
                                .bias = run.weights.bias,
                                .packed_kind = 0,
                                .packed_b = run.weights.input});
    if (status != RN_OK) return status;
    status = with_element(desc.precision, [&]<class E>() {
      return run_steps<E, kTraining>(phases, ctx, run, s0, s1, gates, row0);
    });
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

}  // namespace

size_t recurrent_reserve(const RnRecurrentDesc* desc) {
  const CellTraits traits = with_cell(desc->cell, []<class Cell>() { return traits_of<Cell>(); });
  return (size_t)make_layout(*desc, traits).floats() * sizeof(float);
}

int32_t recurrent(RnContext* ctx, const RnRecurrentForward* args) {
  const RnRecurrentDesc& desc = args->desc;
  Sequence sequence;
  int32_t status = make_sequence(ctx, args->lengths, desc.time, desc.batch, &sequence);
  if (status != RN_OK) return status;
  const CellTraits traits = with_cell(desc.cell, []<class Cell>() { return traits_of<Cell>(); });
  const Layout layout = make_layout(desc, traits);
  float* reserve = (float*)args->reserve;
  const bool training = reserve != nullptr;

  const float* x = (const float*)args->x;
  if (!sequence.dense) {
    float* packed = scratch_floats(ctx, sequence.rows * desc.input);
    if (!packed) return RN_ERR_OUT_OF_MEMORY;
    gather_rows(ctx, sequence, desc.input, x, packed);
    clear_padding(sequence, layout.width, (float*)args->y);
    x = packed;
  }
  // Inference: outputs between layers take turns in two buffers.
  float* between[2] = {nullptr, nullptr};
  for (int i = 0; !training && i < 2 && i < desc.layers - 1; ++i)
    if (!(between[i] = scratch_floats(ctx, sequence.rows * layout.width)))
      return RN_ERR_OUT_OF_MEMORY;

  for (int layer = 0; layer < desc.layers; ++layer) {
    const bool last = layer == desc.layers - 1;
    float* output = last       ? (float*)args->y
                    : training ? layout.output(reserve, layer)
                               : between[layer & 1];
    const int64_t in = layer == 0 ? desc.input : layout.width;
    for (int direction = 0; direction < desc.directions; ++direction) {
      const int64_t index = layer * desc.directions + direction;
      Run run = {};
      run.args = args;
      run.sequence = &sequence;
      run.layout = layout;
      run.direction = direction;
      run.y = output + direction * desc.hidden;
      run.last = last;
      if (training) run.state = layout.saved(reserve, index);
      status = with_cell(desc.cell, [&]<class Cell>() {
        return training ? run_forward<Cell, true>(ctx, run, x, in, index)
                        : run_forward<Cell, false>(ctx, run, x, in, index);
      });
      if (status != RN_OK) return status;
    }
    if (!last) drop_rows(ctx, desc, sequence, layer, output);
    x = output;
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

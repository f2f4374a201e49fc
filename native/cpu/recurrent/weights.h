// The weights of a layer and direction as its forward steps read them.
#ifndef RNNATIVE_CPU_RECURRENT_WEIGHTS_H_
#define RNNATIVE_CPU_RECURRENT_WEIGHTS_H_

#include "native/cpu/gemm/gemm.h"
#include "native/cpu/recurrent/forward_step.h"
#include "native/cpu/recurrent/recurrent.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Packed weights and biases of a layer and direction.
struct Weights {
  const void* input;                   // W, its columns in the order of Layout::column
  const float* bias;                   // [columns] in the same order
  const float* bias_apart;             // [stride] or NULL: ForwardStep.recurrent_bias
  const void* recurrent[kMostPhases];  // a packed form of R for each phase
  const void* projection;              // W_HR, of a layer that has it (projection.h)
};

// Columns of W that multiply one part of a layer's input, and the kind of their packed form.
struct InputColumns {
  int form;
  int64_t first, count, ld;  // of ld in all
};

inline const void* pack_input(RnContext* ctx, const RnRecurrentDesc& desc, const RnWeight& w,
                              const InputColumns& in, const Layout& l) {
  int32_t fresh = 0;
  const int64_t cut = in.first > 0 ? in.first : in.count % in.ld;
  void* packed = packed_weight(ctx, w, packed_kind(desc, in.form, cut),
                               packed_bytes(desc.precision, in.count, l.columns()), &fresh);
  if (!packed || !fresh) return packed;
  int32_t* columns = (int32_t*)ctx->scratch(ctx->runtime, (size_t)l.columns() * sizeof(int32_t));
  if (!columns) return nullptr;
  const int64_t gates = l.traits.gates, per = gates * kLanes;
  for (int64_t j = 0; j < l.columns(); ++j) columns[j] = (int32_t)l.row_at(gates, j / per, j % per);
  pack_matrix(ctx, desc.precision, (const float*)w.data + in.first, in.ld, true, in.count,
              l.columns(), columns, packed);
  return packed;
}

template <class Cell>
bool pack_biases(RnContext* ctx, const RnRecurrentSlots& slots, const Layout& l, Weights* out) {
  float* bias = scratch_floats(ctx, l.gate_stride + l.stride);
  if (!bias) return false;
  float* apart = bias + l.gate_stride;
  const float *b_ih = (const float*)slots.slot[RN_B_IH].data,
              *b_hh = (const float*)slots.slot[RN_B_HH].data;
  memset(bias, 0, (size_t)(l.gate_stride + l.stride) * sizeof(float));
  for (int64_t unit = 0; unit < l.hidden; ++unit)
    for (int g = 0; g < Cell::kGates; ++g) {
      const float input = b_ih ? b_ih[g * l.hidden + unit] : 0.0f;
      const float hidden = b_hh ? b_hh[g * l.hidden + unit] : 0.0f;
      bias[l.column(g, unit)] = g == Cell::kApart ? input : input + hidden;
      if (g == Cell::kApart) apart[unit] = hidden;
    }
  out->bias = bias;
  out->bias_apart = apart;
  return true;
}

template <class Phase>
const void* pack_phase(RnContext* ctx, const RnRecurrentDesc& desc, int index, const RnWeight& w,
                       const Layout& l) {
  return with_element(desc.precision, [&]<class E>() {
    const size_t bytes = ForwardTile<Phase>::template packed_bytes<E>(l);
    int32_t fresh = 0;
    auto* packed = (typename E::Right*)packed_weight(
        ctx, w, packed_kind(desc, kPackedForward + index), bytes, &fresh);
    if (packed && fresh) pack_recurrent<E, Phase>(ctx, (const float*)w.data, l, packed);
    return (const void*)packed;
  });
}
template <class... Phase>
bool pack_phases(Phases<Phase...>, RnContext* ctx, const RnRecurrentDesc& desc, const RnWeight& w,
                 const Layout& l, Weights* out) {
  if (l.norm) {  // one product for all gates, whose columns are those of W x
    out->recurrent[0] = pack_input(ctx, desc, w, {kPackedForward, 0, l.state, l.state}, l);
    return out->recurrent[0] != nullptr;
  }
  int i = 0;
  bool enough = true;
  ((out->recurrent[i] = pack_phase<Phase>(ctx, desc, i, w, l), enough &= !!out->recurrent[i], ++i),
   ...);
  return enough;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_WEIGHTS_H_

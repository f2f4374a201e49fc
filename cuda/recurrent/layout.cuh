// Sizes of a recurrent stack, and where its reserve keeps what forward leaves for backward: of each
// layer the gates, h, c and, where h is projected, what it is made of (layer.cuh). It is sized for
// T * B rows; a ragged batch uses the first N of each array. Outputs after dropout are not kept:
// the mask is drawn again.
#ifndef RNNATIVE_CUDA_RECURRENT_LAYOUT_CUH_
#define RNNATIVE_CUDA_RECURRENT_LAYOUT_CUH_

#include "cuda/recurrent/cells.cuh"
#include "cuda/recurrent/layer.cuh"

namespace rnnative::cuda {

struct RecurrentLayout {
  explicit RecurrentLayout(const RnRecurrentDesc& desc)
      : desc(desc),
        cell(traits_of(desc.cell)),
        gates(cell.gates),
        slots(cell.slots),
        width(desc.directions * desc.state),
        units(desc.directions * desc.hidden) {}

  int64_t input_of(int64_t layer) const { return layer == 0 ? desc.input : width; }
  // Floats of an array with `columns` for each token, to whole 64-byte units.
  int64_t array(int64_t columns) const {
    return ceil_div(desc.time * desc.batch * columns, 16) * 16;
  }
  bool has_c() const { return cell.has_c; }
  bool projects() const { return width != units; }
  int64_t layer_floats() const { return plain_floats() + norm_floats(); }
  // Of x_hat, h_hat and scales, which come last.
  int64_t norm_floats() const {
    return desc.norm ? 2 * array(gates * units) + array(4 * desc.directions) : 0;
  }
  // Of the gradients of the gates of all tokens, and what layer norm has besides: see
  // gradients_at.
  int64_t gradient_floats(int64_t tokens) const {
    const int64_t seen = has_c() ? 2 * units : 0;
    return tokens * (desc.norm ? 3 * slots * units + seen : slots * units);
  }
  // States h [D, B, P] and c [D, B, H] of a layer among those of all.
  int64_t hs(int64_t layer) const { return layer * desc.batch * width; }
  int64_t cs(int64_t layer) const { return layer * desc.batch * units; }

  float* saved_gates(void* reserve, int64_t layer) const {
    return static_cast<float*>(reserve) + layer * layer_floats();
  }
  float* saved_h(void* reserve, int64_t layer) const {
    return saved_gates(reserve, layer) + array(slots * units);
  }
  float* saved_c(void* reserve, int64_t layer) const {
    return has_c() ? saved_h(reserve, layer) + array(width) : nullptr;
  }
  float* saved_made(void* reserve, int64_t layer) const {
    return projects() ? saved_c(reserve, layer) + array(units) : nullptr;
  }

  float* saved_norm(void* reserve, int64_t layer) const {
    return desc.norm ? saved_gates(reserve, layer) + plain_floats() : nullptr;
  }

  const RnRecurrentDesc& desc;
  CellTraits cell;
  int64_t gates, slots;  // G, S
  int64_t width, units;  // D*P, D*H

 private:
  int64_t plain_floats() const {
    return array(slots * units) + array(width) + array(units) * (has_c() + projects());
  }
};

// Where layer norm keeps what backward reads, of the arrays at `kept` or null.
template <class Of>
void norm_at(const RecurrentLayout& layout, float* kept, Of* layer) {
  const int64_t hats = layout.array(layout.gates * layout.units);
  layer->x_hat = kept;
  layer->h_hat = kept ? kept + hats : nullptr;
  layer->scales = kept ? kept + 2 * hats : nullptr;
}
// The gradients of `tokens` rows in RecurrentLayout::gradient_floats.
inline void gradients_at(const RecurrentLayout& layout, int64_t tokens, float* floats,
                         LayerBackward* layer) {
  const int64_t gates = tokens * layout.slots * layout.units;
  layer->dgates = floats;
  if (!layout.desc.norm) return;
  layer->raw_x = floats + gates;
  layer->raw_h = layer->raw_x + gates;
  if (!layout.has_c()) return;
  layer->dseen = layer->raw_h + gates;
  layer->dseen_hat = layer->dseen + tokens * layout.units;
}

// The part of a layer that forward and backward share.
template <class Arguments>
Layer make_layer(const RecurrentLayout& layout, const Arguments& args, const Sequence& sequence,
                 int64_t index) {
  const RnRecurrentDesc& desc = layout.desc;
  Layer layer = {};
  layer.cell = desc.cell;
  layer.precision = desc.precision;
  layer.directions = desc.directions;
  layer.hidden = desc.hidden;
  layer.state = desc.state;
  layer.sequence = &sequence;
  for (int32_t d = 0; d < desc.directions; ++d) {
    const RnRecurrentSlots& slots = args.slots[index * desc.directions + d];
    layer.w_hh[d] = slots.slot[RN_W_HH];
    layer.w_hr[d] = slots.slot[RN_W_HR];
    layer.b_ih[d] = static_cast<const float*>(slots.slot[RN_B_IH].data);
    layer.b_hh[d] = static_cast<const float*>(slots.slot[RN_B_HH].data);
    layer.variant[d].options = desc.options;
    const auto slot = [&](int32_t s) { return static_cast<const float*>(slots.slot[s].data); };
    layer.norms[d] = {slot(RN_N_IH), slot(RN_N_HH), slot(RN_N_C), slot(RN_N_C_BIAS)};
    for (int k = 0; k < RN_PEEPHOLES; ++k)
      layer.variant[d].peepholes[k] = static_cast<const float*>(slots.slot[RN_P_I + k].data);
  }
  const auto states = [&](const void* all, int64_t first) {
    return all ? static_cast<const float*>(all) + first : nullptr;
  };
  layer.h0 = states(args.h0, layout.hs(index));
  layer.c0 = states(args.c0, layout.cs(index));
  layer.norm = desc.norm != 0;
  layer.phases = desc.phases;
  layer.state_dropout = state_dropout(desc, index);
  layer.zoneout = zoneout(desc, index);
  return layer;
}

// What backward finds of a layer, but for dy, dgates and dstate.
template <class Arguments>
LayerBackward backward_of(const RecurrentLayout& layout, const Layer& layer, const void* reserve,
                          const Arguments& args, int64_t index) {
  auto* kept = const_cast<void*>(reserve);  // only read
  const int64_t hs = layout.hs(index), cs = layout.cs(index);
  const auto of_state = [&](const void* all, int64_t first) {
    return all ? static_cast<const float*>(all) + first : nullptr;
  };
  const auto part = [&](const RnGrad& all, int64_t first) {
    return all.mode == RN_GRAD_SKIP ? all : RnGrad{static_cast<float*>(all.data) + first, all.mode};
  };
  LayerBackward backward = {};
  backward.layer = layer;
  backward.gates = layout.saved_gates(kept, index);
  backward.h = layout.saved_h(kept, index);
  backward.c = layout.saved_c(kept, index);
  backward.made = layout.saved_made(kept, index);
  norm_at(layout, layout.saved_norm(kept, index), &backward);
  backward.dhn = of_state(args.dhn, hs);
  backward.dcn = of_state(args.dcn, cs);
  backward.dh0 = part(args.dh0, hs);
  backward.dc0 = layout.has_c() ? part(args.dc0, cs) : RnGrad{nullptr, RN_GRAD_SKIP};
  return backward;
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_LAYOUT_CUH_

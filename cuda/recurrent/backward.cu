// The recurrent stack, backward, layer by layer from the last: the steps of all directions make
// dgates (layer.cuh), and products over all tokens the gradients of everything else
// (gradients.cu). All of it on packed rows, as forward left them.
#include <algorithm>

#include "cuda/recurrent/gradients.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

const float* floats(const void* data) {
  return static_cast<const float*>(data);
}

// x [T, B, F] or null as packed rows; itself when dense.
int32_t pack(RnContext* ctx, const Sequence& sequence, int64_t features, const void* x,
             const float** packed) {
  *packed = floats(x);
  if (sequence.dense() || x == nullptr) return RN_OK;
  float* rows = scratch_of<float>(ctx, sequence.tokens * features);
  *packed = rows;
  return rows == nullptr ? RN_ERR_OUT_OF_MEMORY
                         : gather_rows(ctx, sequence, features, floats(x), rows);
}

struct Buffers {
  float* gates = nullptr;   // gradients_at's
  float* dstate = nullptr;  // [N, D*P] where h is projected
  // [N, D*P]: gradients of the outputs between layers, taking turns; a layer's input after dropout
  float* between[2] = {nullptr, nullptr};
  float* dropped = nullptr;
  GradientWork work;

  int32_t allocate(RnContext* ctx, const RecurrentLayout& layout, const Sequence& sequence) {
    const int64_t n = sequence.tokens, layers = layout.desc.layers;
    gates = scratch_of<float>(ctx, layout.gradient_floats(n));
    if (layout.projects()) dstate = scratch_of<float>(ctx, n * layout.width);
    if (gates == nullptr || (layout.projects() && dstate == nullptr)) return RN_ERR_OUT_OF_MEMORY;
    for (int64_t i = 0; i < 2 && i < layers - 1; ++i) {
      between[i] = scratch_of<float>(ctx, n * layout.width);
      if (between[i] == nullptr) return RN_ERR_OUT_OF_MEMORY;
    }
    if (layout.desc.dropout > 0 && layers > 1) {
      dropped = scratch_of<float>(ctx, n * layout.width);
      if (dropped == nullptr) return RN_ERR_OUT_OF_MEMORY;
    }
    return work.allocate(ctx, layout, sequence);
  }
};

}  // namespace

int32_t recurrent_backward(RnContext* ctx, const RnRecurrentBackward* args) {
  const RnRecurrentDesc& desc = args->desc;
  const RecurrentLayout layout(desc);
  Sequence sequence;
  Buffers buffers;
  const float *x = nullptr, *dy = nullptr;
  int32_t status = make_sequence(ctx, args->lengths, desc.time, desc.batch, &sequence);
  if (status == RN_OK) status = buffers.allocate(ctx, layout, sequence);
  if (status == RN_OK) status = pack(ctx, sequence, desc.input, args->x, &x);
  if (status == RN_OK) status = pack(ctx, sequence, layout.width, args->dy, &dy);
  RnGrad dx = args->dx;
  if (status == RN_OK && !sequence.dense() && dx.mode != RN_GRAD_SKIP) {
    dx = {scratch_of<float>(ctx, sequence.tokens * desc.input), RN_GRAD_WRITE};
    if (dx.data == nullptr) status = RN_ERR_OUT_OF_MEMORY;
  }
  for (int32_t index = desc.layers - 1; status == RN_OK && index >= 0; --index) {
    LayerBackward layer = backward_of(layout, make_layer(layout, *args, sequence, index),
                                      args->reserve, *args, index);
    layer.dy = dy;
    gradients_at(layout, sequence.tokens, buffers.gates, &layer);
    layer.dstate = buffers.dstate;
    status = backward_steps(ctx, layer);
    if (status == RN_OK)
      status = clear_idle(ctx, sequence, desc.directions * (desc.norm ? 3 : 1),
                          layout.slots * desc.hidden, layer.dgates);
    if (status == RN_OK && layer.dseen != nullptr)
      status = clear_idle(ctx, sequence, 2 * desc.directions, desc.hidden, layer.dseen);
    if (status == RN_OK && layer.dstate != nullptr)
      status = clear_idle(ctx, sequence, 1, layout.width, layer.dstate);
    LayerGradients gradients = {};
    gradients.slots = args->slots + index * desc.directions;
    gradients.dslots = args->dslots + index * desc.directions;
    gradients.in = layout.input_of(index);
    gradients.input = x;
    gradients.dinput = dx;
    RnRandom random = desc.random;
    random.stream += static_cast<uint32_t>(index - 1);
    float* dinput = buffers.between[(index - 1) & 1];
    const bool dropped = index > 0 && desc.dropout > 0;
    if (index > 0) {
      gradients.input = layout.saved_h(const_cast<void*>(args->reserve), index - 1);
      gradients.dinput = {dinput, RN_GRAD_WRITE};
      if (status == RN_OK && dropped) {
        status = drop_rows(ctx, sequence, desc.dropout, random, layout.width, gradients.input,
                           buffers.dropped);
        gradients.input = buffers.dropped;
      }
    }
    if (status == RN_OK) status = layer_gradients(ctx, layout, buffers.work, layer, gradients);
    if (status == RN_OK && dropped)
      status = drop_rows(ctx, sequence, desc.dropout, random, layout.width, dinput, dinput);
    dy = dinput;
  }
  if (status == RN_OK && !sequence.dense())
    status =
        scatter_rows(ctx, sequence, desc.time, desc.input, static_cast<float*>(dx.data), args->dx);
  return status;
}

}  // namespace rnnative::cuda

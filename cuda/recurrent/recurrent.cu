// The recurrent stack, forward, layer by layer: W x of all tokens and a direction in one
// product, then the steps of all directions (layer.cuh). Rows are packed before the first
// layer and unpacked after the last; a dense batch needs neither.
#include "cuda/core/copy.cuh"
#include "cuda/core/device.cuh"
#include "cuda/gemm/operand.cuh"
#include "cuda/recurrent/layout.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

// The same from x [N, D*G*H] that holds W x already.
int32_t place(RnContext* ctx, const RecurrentLayout& layout, const Sequence& sequence,
              const float* x, float* gates) {
  const RnRecurrentDesc& desc = layout.desc;
  const int64_t width = layout.gates * desc.hidden, row = layout.slots * desc.hidden;
  const int64_t tokens = sequence.tokens, directions = desc.directions;
  return copy_floats(
      ctx, {{directions, width, tokens * row}, {tokens, directions * width, row}, {width, 1, 1}}, x,
      gates);
}

// gates [D, N, S*H], first G*H columns: W x. x: [N, in], rounded once for both directions.
int32_t project(RnContext* ctx, const RecurrentLayout& layout, const Sequence& sequence,
                const RnRecurrentSlots* slots, const float* x, int64_t in, uint16_t* rounded,
                float* gates) {
  const RnRecurrentDesc& desc = layout.desc;
  if (slots[0].slot[RN_W_IH].data == nullptr) return place(ctx, layout, sequence, x, gates);
  Operand a, b;
  int32_t status = make_operand(ctx, desc.precision, x, sequence.tokens, in, in, rounded, &a);
  for (int32_t d = 0; status == RN_OK && d < desc.directions; ++d) {
    status = weight_operand(ctx, desc.precision, slots[d].slot[RN_W_IH], layout.gates * desc.hidden,
                            in, &b);
    if (status != RN_OK) return status;
    Gemm product;
    product.m = sequence.tokens;
    product.n = layout.gates * desc.hidden;
    product.k = in;
    product.trans_b = true;
    set_a(product, a);
    set_b(product, b);
    product.ldc = layout.slots * desc.hidden;
    product.c = gates + d * sequence.tokens * product.ldc;
    product.precision = desc.precision;
    status = gemm(ctx, product);
  }
  return status;
}

// Where a layer keeps its gates, h and c: the reserve in training, else scratch that layers share.
struct Buffers {
  float* gates = nullptr;
  float* h[2] = {nullptr, nullptr};
  float* dropped = nullptr;
  uint16_t* rounded = nullptr;

  int32_t allocate(RnContext* ctx, const RecurrentLayout& layout, const Sequence& sequence,
                   bool training) {
    const RnRecurrentDesc& desc = layout.desc;
    const int64_t n = sequence.tokens;
    if (!training) {
      gates = scratch_of<float>(ctx, n * layout.slots * layout.units);
      if (gates == nullptr) return RN_ERR_OUT_OF_MEMORY;
      for (int64_t i = 0; i < 2 && i < desc.layers; ++i) {
        h[i] = scratch_of<float>(ctx, n * layout.width);
        if (h[i] == nullptr) return RN_ERR_OUT_OF_MEMORY;
      }
    }
    if (desc.dropout > 0 && desc.layers > 1) {
      dropped = scratch_of<float>(ctx, n * layout.width);
      if (dropped == nullptr) return RN_ERR_OUT_OF_MEMORY;
    }
    const int64_t widest = desc.layers > 1 && layout.width > desc.input ? layout.width : desc.input;
    return operand_buffer(ctx, desc.precision, n, widest, &rounded);
  }
};

int32_t finish(RnContext* ctx, const RecurrentLayout& layout, const Sequence& sequence,
               const float* h, float* y) {
  const int64_t n = sequence.tokens * layout.width;
  if (!sequence.dense())
    return scatter_rows(ctx, sequence, layout.desc.time, layout.width, h, {y, RN_GRAD_WRITE});
  return h == y ? RN_OK : copy_or_zero(ctx, y, h, n);
}

}  // namespace

size_t recurrent_reserve(const RnRecurrentDesc* desc) {
  const RecurrentLayout layout(*desc);
  return static_cast<size_t>(desc->layers * layout.layer_floats()) * sizeof(float);
}

int32_t recurrent(RnContext* ctx, const RnRecurrentForward* args) {
  const RnRecurrentDesc& desc = args->desc;
  const RecurrentLayout layout(desc);
  const bool training = args->reserve != nullptr;
  Sequence sequence;
  Buffers buffers;
  int32_t status = make_sequence(ctx, args->lengths, desc.time, desc.batch, &sequence);
  if (status == RN_OK) status = buffers.allocate(ctx, layout, sequence, training);
  if (status != RN_OK) return status;
  auto* y = static_cast<float*>(args->y);
  const bool in_place = sequence.dense() && reinterpret_cast<uintptr_t>(y) % 16 == 0;
  const auto* input = static_cast<const float*>(args->x);
  if (!sequence.dense()) {
    float* packed = scratch_of<float>(ctx, sequence.tokens * desc.input);
    if (packed == nullptr) return RN_ERR_OUT_OF_MEMORY;
    status = gather_rows(ctx, sequence, desc.input, input, packed);
    input = packed;
  }
  for (int32_t index = 0; status == RN_OK && index < desc.layers; ++index) {
    const bool last = index == desc.layers - 1;
    LayerForward layer = {};
    layer.layer = make_layer(layout, *args, sequence, index);
    layer.training = training;
    layer.gates = training ? layout.saved_gates(args->reserve, index) : buffers.gates;
    layer.h = training           ? layout.saved_h(args->reserve, index)
              : last && in_place ? y
                                 : buffers.h[index & 1];
    layer.c = training ? layout.saved_c(args->reserve, index) : nullptr;
    layer.made = training ? layout.saved_made(args->reserve, index) : nullptr;
    norm_at(layout, training ? layout.saved_norm(args->reserve, index) : nullptr, &layer);
    layer.hn = static_cast<float*>(args->hn) + layout.hs(index);
    layer.cn = layout.has_c() ? static_cast<float*>(args->cn) + layout.cs(index) : nullptr;
    status = project(ctx, layout, sequence, args->slots + index * desc.directions, input,
                     layout.input_of(index), buffers.rounded, layer.gates);
    if (status == RN_OK) status = forward_steps(ctx, layer);
    if (status == RN_OK) status = clear_idle(ctx, sequence, 1, layout.width, layer.h);
    if (status == RN_OK && layer.made != nullptr)
      status = clear_idle(ctx, sequence, 1, layout.units, layer.made);
    input = layer.h;
    if (status == RN_OK && !last && desc.dropout > 0) {
      RnRandom random = desc.random;
      random.stream += static_cast<uint32_t>(index);
      status =
          drop_rows(ctx, sequence, desc.dropout, random, layout.width, layer.h, buffers.dropped);
      input = buffers.dropped;
    }
    if (status == RN_OK && last) status = finish(ctx, layout, sequence, layer.h, y);
  }
  return status;
}

}  // namespace rnnative::cuda

// The decoder's weights, found or rounded.
#include "cuda/decoder_weights.cuh"

#include <new>

namespace rnnative::cuda {
namespace {

// Packed forms of the first layer's W: its columns for x, and for what is fed.
constexpr uint32_t kPackedEmbedded = 0xdec0, kPackedFed = 0xdec1;

int32_t make_weight(RnContext* ctx, int32_t precision, const RnWeight& weight, int64_t rows,
                    int64_t columns, WeightMatrix* matrix) {
  if (precision != RN_PRECISION_BF16) {
    *matrix = {weight.data, false, columns};
    return RN_OK;
  }
  Bf16Matrix rounded;
  const int32_t status = bf16_weight(ctx, weight, rows, columns, &rounded);
  *matrix = {rounded.data, true, rounded.ld};
  if (status == RN_OK && !rounded.data)
    return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for packed weights");
  return status;
}

// `count` columns from `first` on of a weight with `columns`.
int32_t make_columns(RnContext* ctx, int32_t precision, const RnWeight& weight, uint32_t kind,
                     int64_t rows, int64_t columns, int64_t first, int64_t count,
                     WeightMatrix* matrix) {
  const float* from = static_cast<const float*>(weight.data) + first;
  if (precision != RN_PRECISION_BF16) {
    *matrix = {from, false, columns};
    return RN_OK;
  }
  const int64_t ld = bf16_ld(count);
  int32_t fresh = 0;
  // As much behind the last row as bf16_weight leaves.
  auto* data = static_cast<uint16_t*>(
      ctx->packed(ctx->runtime, weight.id, weight.version, kind,
                  static_cast<size_t>(rows * ld + 8) * sizeof(uint16_t), &fresh));
  if (!data) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for packed weights");
  *matrix = {data, true, ld};
  return fresh ? round_to_bf16(ctx, from, columns, rows, count, data, ld) : int32_t{RN_OK};
}

}  // namespace

int32_t DecoderWeights::make(RnContext* ctx, const DecoderLayout& l, const RnDecoderForward& args) {
  const int32_t precision = args.desc.stack.precision;
  input.reset(new (std::nothrow) WeightMatrix[static_cast<size_t>(l.L)]);
  recurrent.reset(new (std::nothrow) WeightMatrix[static_cast<size_t>(l.L)]);
  if (!input || !recurrent) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for weights");
  const int64_t gates = l.G * l.H;
  const RnWeight& first = args.slots[0].w_ih;
  int32_t status =
      make_columns(ctx, precision, first, kPackedEmbedded, gates, l.E + l.F, 0, l.E, &embedded);
  if (status == RN_OK)
    status = make_columns(ctx, precision, first, kPackedFed, gates, l.E + l.F, l.E, l.F, &fed);
  for (int64_t i = 0; status == RN_OK && i < l.L; ++i) {
    const RnRecurrentSlots& slots = args.slots[i];
    if (i > 0) status = make_weight(ctx, precision, slots.w_ih, gates, l.H, &input[i]);
    if (status == RN_OK)
      status = make_weight(ctx, precision, slots.w_hh, gates, l.H, &recurrent[i]);
  }
  if (status == RN_OK && args.w_query.data)
    status = make_weight(ctx, precision, args.w_query, l.A, l.H, &query);
  if (status == RN_OK && l.feeds_output)
    status = make_weight(ctx, precision, args.w_out, l.D, l.joined_width, &out);
  return status;
}

}  // namespace rnnative::cuda

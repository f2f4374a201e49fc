// The decoder's weights, found or rounded.
#include "cuda/decoder/weights.cuh"

#include <new>

namespace rnnative::cuda {
namespace {

// Packed forms of the first layer's W: its columns for x, and for what is fed.
constexpr uint32_t kPackedEmbedded = 0xdec0, kPackedFed = 0xdec1;

}  // namespace

int32_t DecoderWeights::make(RnContext* ctx, const DecoderLayout& l, const RnDecoderForward& args) {
  const int32_t precision = args.desc.stack.precision;
  input.reset(new (std::nothrow) Operand[static_cast<size_t>(l.L)]);
  if (!input) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for weights");
  const int64_t gates = l.G * l.H;
  const RnWeight& first = args.slots[0].slot[RN_W_IH];
  int32_t status =
      weight_columns(ctx, precision, first, kPackedEmbedded, gates, l.E + l.F, 0, l.E, &embedded);
  if (status == RN_OK)
    status = weight_columns(ctx, precision, first, kPackedFed, gates, l.E + l.F, l.E, l.F, &fed);
  for (int64_t i = 1; status == RN_OK && i < l.L; ++i)
    status = weight_operand(ctx, precision, args.slots[i].slot[RN_W_IH], gates, l.P, &input[i]);
  if (status == RN_OK && args.w_query.data)
    status = weight_operand(ctx, precision, args.w_query, l.A, l.P, &query);
  if (status == RN_OK && l.feeds_output)
    status = weight_operand(ctx, precision, args.w_out, l.D, l.joined_width, &out);
  return status;
}

}  // namespace rnnative::cuda

// Operands as bf16 in memory: weights, which many products share, and those of cuBLAS, which does
// not round. Bound by memory: 16 bytes are written at a time where rows allow it.
#include <intrinsics.cuh>

#include "cuda/core/device.cuh"
#include "cuda/core/elements.cuh"
#include "cuda/gemm/gemm.cuh"

namespace rnnative::cuda {
namespace {

__global__ void round_kernel(const float* from, int64_t from_ld, int64_t rows, int64_t columns,
                             uint16_t* to, int64_t to_ld) {
  each_element(rows, columns, [&](int64_t row, int64_t column) {
    const uint32_t packed = pack_bf16(from[row * from_ld + column], 0);
    to[row * to_ld + column] = static_cast<uint16_t>(packed);
  });
}

// Rows of `chunks` times 8 columns at aligned places.
__global__ void round_aligned_kernel(const float* from, int64_t from_ld, int64_t rows,
                                     int64_t chunks, uint16_t* to, int64_t to_ld) {
  each_element(rows, chunks, [&](int64_t row, int64_t chunk) {
    const auto* at = reinterpret_cast<const float4*>(from + row * from_ld + 8 * chunk);
    const float4 low = at[0], high = at[1];
    *reinterpret_cast<uint4*>(to + row * to_ld + 8 * chunk) =
        make_uint4(pack_bf16(low.x, low.y), pack_bf16(low.z, low.w), pack_bf16(high.x, high.y),
                   pack_bf16(high.z, high.w));
  });
}

}  // namespace

int32_t round_to_bf16(RnContext* ctx, const float* from, int64_t from_ld, int64_t rows,
                      int64_t columns, uint16_t* to, int64_t to_ld) {
  if (rows == 0 || columns == 0) return RN_OK;
  if (aligned(from) && aligned(to) && from_ld % 4 == 0 && to_ld % 8 == 0 && columns % 8 == 0)
    return launch(ctx, over_elements(rows, columns / 8), round_aligned_kernel, from, from_ld, rows,
                  columns / 8, to, to_ld);
  return launch(ctx, over_elements(rows, columns), round_kernel, from, from_ld, rows, columns, to,
                to_ld);
}

int32_t round_operand(RnContext* ctx, Gemm* product, bool right) {
  Gemm& p = *product;
  const void*& data = right ? p.b : p.a;
  bool& stored = right ? p.b_bf16 : p.a_bf16;
  int64_t &ld = right ? p.ldb : p.lda, &stride = right ? p.stride_b : p.stride_a;
  if (stored) return RN_OK;
  const bool transposed = right ? p.trans_b : p.trans_a;
  const int64_t outer = right ? p.n : p.m;
  const bool along_k = right == transposed;
  const int64_t rows = along_k ? outer : p.k, columns = along_k ? p.k : outer;
  // The same matrix for all groups is rounded once, and matrices without gaps all at once.
  const int64_t to_ld = bf16_ld(columns), groups = stride == 0 ? 1 : p.groups;
  auto* to = scratch_of<uint16_t>(ctx, groups * rows * to_ld);
  if (to == nullptr) return RN_ERR_OUT_OF_MEMORY;
  const int64_t at_once = stride == rows * ld ? groups : 1;
  for (int64_t g = 0; g < groups; g += at_once) {
    const auto* from = static_cast<const float*>(data) + g * stride;
    const int32_t status =
        round_to_bf16(ctx, from, ld, at_once * rows, columns, to + g * rows * to_ld, to_ld);
    if (status != RN_OK) return status;
  }
  data = to;
  stored = true;
  ld = to_ld;
  stride = stride == 0 ? 0 : rows * to_ld;
  return RN_OK;
}

int32_t bf16_columns(RnContext* ctx, const RnWeight& weight, uint32_t kind, int64_t rows,
                     int64_t columns, int64_t first, int64_t count, Bf16Matrix* matrix) {
  const int64_t ld = bf16_ld(count);
  // Weights of one shape may be cut at different columns, and parts be padded to the same size.
  kind += static_cast<uint32_t>(first > 0 ? first : count % columns) << 12;
  int32_t fresh = 0;
  auto* data = static_cast<uint16_t*>(
      ctx->packed(ctx->runtime, weight.id, weight.version, kind,
                  static_cast<size_t>(rows * ld + 8) * sizeof(uint16_t), &fresh));
  *matrix = {data, ld};
  if (data == nullptr || fresh == 0) return RN_OK;
  return round_to_bf16(ctx, static_cast<const float*>(weight.data) + first, columns, rows, count,
                       data, ld);
}

int32_t bf16_weight(RnContext* ctx, const RnWeight& weight, int64_t rows, int64_t columns,
                    Bf16Matrix* matrix) {
  return bf16_columns(ctx, weight, kPackedBf16, rows, columns, 0, columns, matrix);
}

}  // namespace rnnative::cuda

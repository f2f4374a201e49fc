// Operands as bf16 in memory: weights, which many products share, and those of cuBLAS, which does
// not round. Bound by memory: a thread rounds two neighbours.
#include <intrinsics.cuh>

#include "cuda/device.cuh"
#include "cuda/gemm.cuh"

namespace rnnative::cuda {
namespace {

__global__ void round_kernel(const float* from, int64_t from_ld, int64_t rows, int64_t columns,
                             uint16_t* to, int64_t to_ld) {
  const int64_t pairs = (columns + 1) / 2;
  for (int64_t i = first_index(); i < rows * pairs; i += index_stride()) {
    const int64_t row = i / pairs, column = 2 * (i % pairs);
    const float* at = from + row * from_ld + column;
    uint16_t* out = to + row * to_ld + column;
    const bool both = column + 1 < columns;
    const uint32_t packed = pack_bf16(at[0], both ? at[1] : 0);
    out[0] = static_cast<uint16_t>(packed);
    if (both) out[1] = static_cast<uint16_t>(packed >> 16);
  }
}

// Rows of whole 16-byte groups at aligned places; `groups` of 8 columns each.
__global__ void round_aligned_kernel(const float* from, int64_t from_ld, int64_t rows,
                                     int64_t groups, uint16_t* to, int64_t to_ld) {
  for (int64_t i = first_index(); i < rows * groups; i += index_stride()) {
    const int64_t row = i / groups, column = 8 * (i % groups);
    const float4* at = reinterpret_cast<const float4*>(from + row * from_ld + column);
    const float4 low = at[0], high = at[1];
    *reinterpret_cast<uint4*>(to + row * to_ld + column) =
        make_uint4(pack_bf16(low.x, low.y), pack_bf16(low.z, low.w), pack_bf16(high.x, high.y),
                   pack_bf16(high.z, high.w));
  }
}

bool aligned(const void* data) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0;
}

}  // namespace

int32_t round_to_bf16(RnContext* ctx, const float* from, int64_t from_ld, int64_t rows,
                      int64_t columns, uint16_t* to, int64_t to_ld) {
  if (rows == 0 || columns == 0) return RN_OK;
  if (aligned(from) && aligned(to) && from_ld % 4 == 0 && to_ld % 8 == 0 && columns % 8 == 0)
    return launch(ctx, over(rows * columns / 8), round_aligned_kernel, from, from_ld, rows,
                  columns / 8, to, to_ld);
  return launch(ctx, over(rows * ((columns + 1) / 2)), round_kernel, from, from_ld, rows, columns,
                to, to_ld);
}

int32_t bf16_weight(RnContext* ctx, const RnWeight& weight, int64_t rows, int64_t columns,
                    Bf16Matrix* matrix) {
  const int64_t ld = bf16_ld(columns);
  int32_t fresh = 0;
  auto* data = static_cast<uint16_t*>(
      ctx->packed(ctx->runtime, weight.id, weight.version, kPackedBf16,
                  static_cast<size_t>(rows * ld + 8) * sizeof(uint16_t), &fresh));
  *matrix = {data, ld};
  if (data == nullptr || fresh == 0) return RN_OK;
  return round_to_bf16(ctx, static_cast<const float*>(weight.data), columns, rows, columns, data,
                       ld);
}

}  // namespace rnnative::cuda

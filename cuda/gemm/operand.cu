// Operands in f32 are the matrices themselves, in BF16 copies with the row stride bf16_ld.
#include "cuda/gemm/operand.cuh"

namespace rnnative::cuda {

int32_t operand_buffer(RnContext* ctx, int32_t precision, int64_t rows, int64_t columns,
                       uint16_t** buffer) {
  *buffer = nullptr;
  if (precision != RN_PRECISION_BF16) return RN_OK;
  *buffer = scratch_of<uint16_t>(ctx, rows * bf16_ld(columns));
  return *buffer == nullptr ? RN_ERR_OUT_OF_MEMORY : RN_OK;
}

int32_t make_operand(RnContext* ctx, int32_t precision, const float* x, int64_t rows,
                     int64_t columns, int64_t ld, uint16_t* buffer, Operand* operand) {
  if (precision != RN_PRECISION_BF16) {
    *operand = {x, false, ld};
    return RN_OK;
  }
  *operand = {buffer, true, bf16_ld(columns)};
  return round_to_bf16(ctx, x, ld, rows, columns, buffer, operand->ld);
}

int32_t weight_operand(RnContext* ctx, int32_t precision, const RnWeight& weight, int64_t rows,
                       int64_t columns, Operand* operand) {
  return weight_columns(ctx, precision, weight, kPackedBf16, rows, columns, 0, columns, operand);
}

int32_t weight_columns(RnContext* ctx, int32_t precision, const RnWeight& weight, uint32_t kind,
                       int64_t rows, int64_t columns, int64_t first, int64_t count,
                       Operand* operand) {
  if (precision != RN_PRECISION_BF16) {
    *operand = {static_cast<const float*>(weight.data) + first, false, columns};
    return RN_OK;
  }
  Bf16Matrix matrix;
  const int32_t status = bf16_columns(ctx, weight, kind, rows, columns, first, count, &matrix);
  if (status != RN_OK) return status;
  *operand = {matrix.data, true, matrix.ld};
  return matrix.data != nullptr ? RN_OK
                                : fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for packed weights");
}

}  // namespace rnnative::cuda

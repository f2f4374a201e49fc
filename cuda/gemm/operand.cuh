// Operands of matrix products in a precision: in f32 the matrix itself, in BF16 a copy rounded once
// for all products that read it, with rows padded to 16 bytes whatever their length.
#ifndef RNNATIVE_CUDA_GEMM_OPERAND_CUH_
#define RNNATIVE_CUDA_GEMM_OPERAND_CUH_

#include "cuda/core/device.cuh"
#include "cuda/gemm/gemm.cuh"

namespace rnnative::cuda {

struct Operand {
  const void* data = nullptr;
  bool bf16 = false;
  int64_t ld = 0;  // row stride in elements

  Operand at(int64_t row, int64_t column) const {
    const int64_t bytes = (row * ld + column) * (bf16 ? 2 : 4);
    return {static_cast<const char*>(data) + bytes, bf16, ld};
  }
};

// What a rounded copy of x [rows, columns] needs; null data and RN_OK in f32.
int32_t operand_buffer(RnContext* ctx, int32_t precision, int64_t rows, int64_t columns,
                       uint16_t** buffer);
// x [rows, columns], rows ld apart, as an operand; `buffer` of that size keeps the copy.
int32_t make_operand(RnContext* ctx, int32_t precision, const float* x, int64_t rows,
                     int64_t columns, int64_t ld, uint16_t* buffer, Operand* operand);
// A parameter [rows, columns]; its copy is cached with it.
int32_t weight_operand(RnContext* ctx, int32_t precision, const RnWeight& weight, int64_t rows,
                       int64_t columns, Operand* operand);
// `count` of its columns, from `first` on; `kind` names the copy (RnContext.packed).
int32_t weight_columns(RnContext* ctx, int32_t precision, const RnWeight& weight, uint32_t kind,
                       int64_t rows, int64_t columns, int64_t first, int64_t count,
                       Operand* operand);

inline void set_a(Gemm& product, const Operand& a) {
  product.a = a.data;
  product.a_bf16 = a.bf16;
  product.lda = a.ld;
}
inline void set_b(Gemm& product, const Operand& b) {
  product.b = b.data;
  product.b_bf16 = b.bf16;
  product.ldb = b.ld;
}
// Elements from `first` to `second`, which may lie anywhere: the stride of two groups.
inline int64_t stride_between(const Operand& first, const Operand& second) {
  const auto address = [](const Operand& o) {
    return static_cast<int64_t>(reinterpret_cast<uintptr_t>(o.data));
  };
  return (address(second) - address(first)) / (first.bf16 ? 2 : 4);
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_GEMM_OPERAND_CUH_

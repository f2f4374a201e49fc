// The one matrix product of the CPU backend: C (+)= op(A) op(B) (+ bias), row-major f32, with
// operands as they are or rounded to bf16 (gemm/element.h). B is packed into panels of kPanel
// columns and multiplied by a register-tiled micro-kernel (gemm/kernel.h).
//
// The order in which a sum over k is formed depends on k alone: never on m, n or the number of
// threads. So a row of C is the same whatever batch it is computed in.
#ifndef RNNATIVE_CPU_GEMM_GEMM_H_
#define RNNATIVE_CPU_GEMM_GEMM_H_

#include <stdint.h>

#include "native/abi/backend.h"

namespace rnnative::cpu::RN_ISA {

// How the team shares C where those who read it next share it so: rows are steps of `period` rows,
// and a group takes the same part of each, its members parts of the columns. Then what a thread is
// about to read is in its own caches, not in another core's.
struct GemmShare {
  int64_t period;
  int groups, members;
};

struct Gemm {
  int32_t precision;  // RN_PRECISION_*
  int64_t m, n, k;
  const float* a;  // [m, k], or [k, m] if trans_a; rows are lda apart
  int64_t lda;
  bool trans_a;
  RnWeight b;   // [k, n], or [n, k] if trans_b; rows are ldb apart. With b.id != 0 the packed form
  int64_t ldb;  // of this version is cached under packed_kind; {data, 0, 0} for a plain matrix
  bool trans_b;
  float* c;  // [m, n]; rows are ldc apart. Aliases neither a nor b
  int64_t ldc;
  bool accumulate;       // C += ... instead of C = ...
  const float* bias;     // [n] added to every row, or NULL
  uint32_t packed_kind;  // 0: chosen by trans_b and precision. Two packings of one weight must
                         // differ in it
  const void* packed_b;  // B already packed by pack_matrix in this precision, or NULL. Then b, ldb,
                         // trans_b are unused
  const GemmShare* share = nullptr;  // not with trans_a
};

// Runs on the whole team. Answers RN_OK or RN_ERR_OUT_OF_MEMORY.
int32_t gemm(RnContext* ctx, const Gemm& args);

// `groups` products whose operands lie a_stride, b_stride, c_stride floats apart (b is not cached).
int32_t gemm_batched(RnContext* ctx, const Gemm& args, int64_t groups, int64_t a_stride,
                     int64_t b_stride, int64_t c_stride);

// y[columns] (+)= sums over the rows of x [rows, columns], rows ldx apart.
void sum_columns(RnContext* ctx, int64_t rows, int64_t columns, const float* x, int64_t ldx,
                 float* y, bool accumulate);

// Whole packed matrices, for weights that are used many times. Column j of the packed matrix is
// column columns[j] of b (-1: zeros); columns NULL is the identity. `packed` holds packed_bytes().
size_t packed_bytes(int32_t precision, int64_t k, int64_t n);
void pack_matrix(RnContext* ctx, int32_t precision, const float* b, int64_t ldb, bool trans_b,
                 int64_t k, int64_t n, const int32_t* columns, void* packed);

}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_GEMM_GEMM_H_

// Products in int8 (native/abi/int8.h), which only inference has. Weights are packed once; the rows
// they are multiplied by are quantised for each product. All arithmetic between is that of
// integers, so neither blocks nor tiles nor threads nor the instruction set change a sum.
//
// A packed weight: panels of kInt8Vectors vectors of columns; a panel holds, for each turn of four
// values of k, a word of four int8 for each column of its vectors (the last panel has only those
// that hold columns). Behind all panels lie the columns' scales, and what is to be subtracted from
// their sums where rows are multiplied as unsigned bytes (kOffset).
#ifndef RNNATIVE_CPU_GEMM_INT8_H_
#define RNNATIVE_CPU_GEMM_INT8_H_

#include "native/cpu/gemm/gemm.h"
#include "native/cpu/gemm/kernel.h"

namespace rnnative::cpu::RN_ISA {

// Rows of a tile and vectors of a panel.
constexpr int kInt8Vectors = 4;
constexpr int kInt8Rows = kAccumulators / kInt8Vectors;
constexpr int64_t kInt8Columns = kInt8Vectors * kLanes;

// Words of a row of k values.
RN_INLINE constexpr int64_t int8_turns(int64_t k) {
  return (k + 3) / 4;
}

struct Int8Matrix {
  const uint32_t* words;
  const float* scales;     // of each column, kInt8Columns a panel
  const int32_t* offsets;  // likewise
  int64_t turns;

  RN_INLINE const uint32_t* panel(int64_t p) const { return words + p * turns * kInt8Columns; }
};
size_t int8_bytes(int64_t panels, int64_t k);
Int8Matrix int8_matrix(const void* packed, int64_t panels, int64_t k);

// Columns are rows of a weight [.., ld], whose values `first` .. `first + k` are packed; scales are
// those of whole rows.
struct Int8Source {
  const float* data;
  int64_t ld, first, k;
};
// `rows`: of each column of the panel; -1: zeros.
void pack_int8_panel(const Int8Source& source, const int64_t* rows, int64_t columns, int64_t panel,
                     int64_t panels, void* packed);
// As pack_matrix, b being [n, ld].
void pack_int8(RnContext* ctx, const Int8Source& source, int64_t n, const int32_t* columns,
               void* packed);

// x [k] to int8_turns(k) words. Answers the scale.
float quantise_row(const float* x, int64_t k, uint32_t* words);

// sums[rows][vectors * kLanes] = the first `vectors` vectors of a panel times rows of words,
// `stride` apart, by both scales. rows <= kInt8Rows.
void multiply_int8(const Int8Matrix& b, int64_t panel, int64_t vectors, const uint32_t* a,
                   int64_t stride, const float* scales, int64_t rows, float* sums);

// As gemm; not with trans_a, and with trans_b where b is not packed.
int32_t gemm_int8(RnContext* ctx, const Gemm& args);

}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_GEMM_INT8_H_

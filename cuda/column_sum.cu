// Column sums, of which most are bias gradients: tall matrices read once, lanes along the columns
// and the rows cut into chunks, joined in order (reduction.cuh).
#include "cuda/core/reduction.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct ColumnSum {
  static constexpr int kOutputs = 1;
  const float* x;  // [rows, columns], rows ld apart
  int64_t ld;

  __device__ const float* place(int64_t column) const { return x + column; }
  __device__ void add(const float* place, int64_t row, float (&sums)[1]) const {
    sums[0] += place[row * ld];
  }
};

}  // namespace

int32_t sum_columns(RnContext* ctx, const float* x, int64_t rows, int64_t columns, int64_t ld,
                    const RnGrad& y, float scale) {
  if (y.mode == RN_GRAD_SKIP) return RN_OK;
  return sum_down(ctx, ColumnSum{x, ld}, columns, rows, {y}, scale);
}

int32_t column_sum(RnContext* ctx, const RnColumnSum* args) {
  return sum_columns(ctx, static_cast<const float*>(args->x), args->rows, args->columns,
                     args->columns, args->y);
}

}  // namespace rnnative::cuda

// Column sums, of which most are bias gradients: tall matrices read once, lanes along the columns
// and the rows cut into chunks, joined in order (reduction.cuh).
#include "cuda/ops.cuh"
#include "cuda/reduction.cuh"

namespace rnnative::cuda {
namespace {

struct ColumnSum {
  static constexpr int kOutputs = 1;
  const float* x;  // [rows, columns]
  int64_t columns;

  __device__ const float* place(int64_t column) const { return x + column; }
  __device__ void add(const float* place, int64_t row, float (&sums)[1]) const {
    sums[0] += place[row * columns];
  }
};

}  // namespace

int32_t column_sum(RnContext* ctx, const RnColumnSum* args) {
  if (args->y.mode == RN_GRAD_SKIP) return RN_OK;
  const ColumnSum sum = {static_cast<const float*>(args->x), args->columns};
  return sum_down(ctx, sum, args->columns, args->rows, {args->y});
}

}  // namespace rnnative::cuda

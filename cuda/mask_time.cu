// Masking of padded time steps: a walk by rows that reads no padding.
#include "cuda/mask_time.cuh"

#include "cuda/core/walk.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

// Rows are t * batch + b; [rows, features] on both sides.
template <int kWidth>
__global__ void mask_time_kernel(int64_t rows, int64_t batch, int64_t features,
                                 const int32_t* lengths, const float* x, RnGrad y) {
  const int64_t f = first_column(kWidth);
  if (f >= features) return;
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    const int64_t t = row / batch, at = row * features + f;
    Floats<kWidth> v = {};
    if (t < lengths[row - t * batch]) v = load<kWidth>(x + at, features - f);
    put<kWidth>(y, at, v, features - f);
  }
}

}  // namespace

int32_t mask_checked(RnContext* ctx, const RnMaskTime& args) {
  const int64_t rows = args.time * args.batch, features = args.features;
  if (args.y.mode == RN_GRAD_SKIP || rows == 0 || features == 0) return RN_OK;
  const auto* x = static_cast<const float*>(args.x);
  const bool wide = features % kWide == 0 && aligned(x, args.y.data);
  return launch(ctx, over_rows(rows, features, wide ? kWide : 1),
                wide ? mask_time_kernel<kWide> : mask_time_kernel<1>, rows, args.batch, features,
                args.lengths, x, args.y);
}

int32_t mask_time(RnContext* ctx, const RnMaskTime* args) {
  const int32_t status = check_lengths(ctx, args->lengths, args->batch, args->time);
  return status == RN_OK ? mask_checked(ctx, *args) : status;
}

}  // namespace rnnative::cuda

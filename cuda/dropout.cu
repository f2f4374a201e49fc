// Inverted dropout (Srivastava et al. 2014). The mask is never stored: backward draws it again,
// which costs less than the memory it would fill. A thread draws the four words of a Philox block
// and uses them all. They belong to four neighbours in one row of x where a row is a multiple of
// four; else a block may run over the end of a row, into the same sample's next one. The comparison
// with p is made on integers, exactly, so the masks are the CPU's.
#include <cmath>

#include "cuda/core/program.cuh"
#include "cuda/core/walk.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

struct Dropout {
  int64_t outer, batch, inner;
  uint32_t threshold;  // an element is kept when the top 24 bits of its word reach it
  float scale;
  Draws draws;
  const float* x;  // [outer, batch, inner]
  RnGrad y;
};

// A row of the grid is a row of x, o * batch + b.
__global__ void dropout_rows_kernel(Dropout d) {
  const int64_t i = first_column(kWide), rows = d.outer * d.batch;
  if (i >= d.inner) return;
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    const int64_t o = row / d.batch, sample = row - o * d.batch, at = row * d.inner + i;
    Floats<kWide> v = load<kWide>(d.x + at, kWide);
    uint32_t words[4];
    d.draws.words(static_cast<uint64_t>(sample), static_cast<uint64_t>(o * d.inner + i) / 4, words);
#pragma unroll
    for (int j = 0; j < kWide; ++j) v.at[j] = words[j] >> 8 >= d.threshold ? v.at[j] * d.scale : 0;
    put<kWide>(d.y, at, v, kWide);
  }
}

// A row of the grid is a sample, whose elements o * inner + i its columns count.
__global__ void dropout_samples_kernel(Dropout d) {
  const int64_t first = first_column(4), elements = d.outer * d.inner;
  if (first >= elements) return;
  for (int64_t sample = first_row(); sample < d.batch; sample += row_stride()) {
    uint32_t words[4];
    d.draws.words(static_cast<uint64_t>(sample), static_cast<uint64_t>(first) / 4, words);
    int64_t o = first / d.inner, i = first - o * d.inner;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (first + j >= elements) break;
      const int64_t at = (o * d.batch + sample) * d.inner + i;
      put(d.y, at, words[j] >> 8 >= d.threshold ? d.x[at] * d.scale : 0);
      if (++i == d.inner) i = 0, ++o;
    }
  }
}

}  // namespace

int32_t dropout(RnContext* ctx, const RnDropout* args) {
  if (args->y.mode == RN_GRAD_SKIP) return RN_OK;
  const Dropout d = {args->outer, args->batch, args->inner,
                     // word >> 8 >= p * 2^24, exactly: scaling by a power of two does not round.
                     static_cast<uint32_t>(std::ceil(args->p * 0x1p24)),
                     static_cast<float>(1.0 / (1.0 - args->p)), draws_of(args->random),
                     static_cast<const float*>(args->x), args->y};
  if (d.outer * d.batch * d.inner == 0) return RN_OK;
  if (d.inner % kWide == 0 && aligned(d.x, d.y.data))
    return launch(ctx, over_rows(d.outer * d.batch, d.inner, kWide), dropout_rows_kernel, d);
  return launch(ctx, over_rows(d.batch, d.outer * d.inner, 4), dropout_samples_kernel, d);
}

}  // namespace rnnative::cuda

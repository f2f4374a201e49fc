// The global norm of the gradients, for clipping. Squares are formed and summed in double, so that
// neither overflow nor cancellation touches a finite gradient; blocks of a fixed size make the
// order depend on the sizes of the arenas alone.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kBlock = 8192;
constexpr int kSums = 4 * kLanes;  // partial sums, in double

double sum_of_squares(const float* x, int64_t n) {
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int lane = 0; lane < kSums; ++lane) sums[lane] += (double)x[i + lane] * x[i + lane];
  for (int lane = 0; i < n; ++i, ++lane) sums[lane] += (double)x[i] * x[i];
  for (int width = kSums / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  return sums[0];
}

}  // namespace

int32_t global_norm(RnContext* ctx, const RnGlobalNorm* args) {
  double total = 0;
  for (int32_t a = 0; a < args->arenas; ++a) {
    const float* g = (const float*)args->g[a];
    const int64_t n = args->n[a], blocks = (n + kBlock - 1) / kBlock;
    double* partial = (double*)ctx->scratch(ctx->runtime, (size_t)(blocks + 1) * sizeof(double));
    if (!partial) return RN_ERR_OUT_OF_MEMORY;
    parallel_items(ctx, blocks, kBlock, [=](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * kBlock;
        partial[block] = sum_of_squares(g + first, n - first < kBlock ? n - first : kBlock);
      }
    });
    for (int64_t block = 0; block < blocks; ++block) total += partial[block];
  }
  *(float*)args->norm = (float)::sqrt(total);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

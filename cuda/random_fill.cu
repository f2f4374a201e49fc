// Uniform and normal tensors. Used to initialise, not in training steps, so the numbers are formed
// in double, as the definition says, and rounded once: the same as on a CPU up to the last bits of
// log, sine and cosine. A thread makes the four numbers of a Philox block.
#include "cuda/core/device.cuh"
#include "cuda/core/program.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

__device__ __forceinline__ double unit(uint32_t word) {
  return (word >> 8) * 0x1p-24;
}

__global__ void random_kernel(float* y, int64_t n, bool normal, double a, double b, Draws draws) {
  for (int64_t i = first_index() * 4; i < n; i += index_stride() * 4) {
    uint32_t words[4];
    draws.words(0, static_cast<uint64_t>(i) / 4, words);
    double values[4];
#pragma unroll
    for (int j = 0; j < 4; j += 2) {
      const double u = unit(words[j]), v = unit(words[j + 1]);
      if (normal) {
        // Box and Muller 1958: a pair of words makes a pair of normal numbers.
        const double radius = b * sqrt(-2 * log(u + 0x1p-24));
        double sine, cosine;
        sincospi(2 * v, &sine, &cosine);
        values[j] = a + radius * cosine;
        values[j + 1] = a + radius * sine;
      } else {
        values[j] = a + (b - a) * u;
        values[j + 1] = a + (b - a) * v;
      }
    }
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (i + j < n) y[i + j] = static_cast<float>(values[j]);
  }
}

}  // namespace

int32_t random_fill(RnContext* ctx, const RnRandomFill* args) {
  return launch(ctx, over(ceil_div(args->n, 4)), random_kernel, static_cast<float*>(args->y),
                args->n, args->distribution == RN_NORMAL, args->a, args->b, draws_of(args->random));
}

}  // namespace rnnative::cuda

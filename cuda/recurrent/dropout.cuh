// Dropout of states and of the outputs between layers. A mask word belongs to the time and batch
// row that the caller gave (RnRecurrentDesc.random), so the mask is the same however the batch is
// sorted, and is drawn again in backward instead of being stored.
#ifndef RNNATIVE_CUDA_RECURRENT_DROPOUT_CUH_
#define RNNATIVE_CUDA_RECURRENT_DROPOUT_CUH_

#include "cuda/core/program.cuh"

namespace rnnative::cuda {

struct DropoutMask {
  Draws draws;
  uint32_t threshold = 0;  // 0: nothing is dropped
  float scale = 1;

  __device__ float of_word(uint32_t word) const { return (word >> 8) >= threshold ? scale : 0.0f; }
  // What an element of a sample is multiplied by.
  __device__ float factor(int64_t sample, int64_t element) const {
    if (threshold == 0) return 1;
    uint32_t words[4];
    draws.words(static_cast<uint64_t>(sample), static_cast<uint64_t>(element) >> 2, words);
    const uint32_t low = element & 1 ? words[1] : words[0],
                   high = element & 1 ? words[3] : words[2];
    return of_word(element & 2 ? high : low);
  }
};

// The mask of p, drawn from `random`, its stream `stream` further.
DropoutMask dropout_mask(double p, const RnRandom& random, int64_t stream = 0);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_DROPOUT_CUH_

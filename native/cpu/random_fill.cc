// Uniform and normal tensors. Used to initialise, not in training steps, so the numbers are formed
// in double by libm: the same on every instruction set.
#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"
#include "native/cpu/core/normal.h"
#include "native/cpu/core/random_words.h"

namespace rnnative::cpu::RN_ISA {
namespace {

void uniform4(const RnRandomFill* args, const uint32_t words[4], double out[4]) {
  for (int k = 0; k < 4; ++k) out[k] = args->a + (args->b - args->a) * unit(words[k]);
}

void normal4(const RnRandomFill* args, const uint32_t words[4], double out[4]) {
  for (int k = 0; k < 4; k += 2) normal_pair(words + k, out + k);
  for (int k = 0; k < 4; ++k) out[k] = args->a + args->b * out[k];
}

}  // namespace

int32_t random_fill(RnContext* ctx, const RnRandomFill* args) {
  float* y = (float*)args->y;
  const int64_t n = args->n, blocks = (n + kRandomWords - 1) / kRandomWords;
  parallel_items(ctx, blocks, kRandomWords, [=](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kRandomWords;
      const int64_t count = n - first < kRandomWords ? n - first : kRandomWords;
      uint32_t words[kRandomWords];
      double values[kRandomWords];
      random_words(args->random, 0, 0, (uint64_t)first / 4, count, words);
      for (int64_t i = 0; i < count; i += 4) {
        if (args->distribution == RN_NORMAL) {
          normal4(args, words + i, values + i);
        } else {
          uniform4(args, words + i, values + i);
        }
      }
      for (int64_t i = 0; i < count; ++i) y[first + i] = (float)values[i];
    }
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

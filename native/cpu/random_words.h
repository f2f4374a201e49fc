// Philox words in bulk: many counters at a time in plain loops over lanes, which compilers turn
// into widening vector multiplies. Words and layout are those of native/runtime/philox.h.
#ifndef RNNATIVE_CPU_RANDOM_WORDS_H_
#define RNNATIVE_CPU_RANDOM_WORDS_H_

#include "native/cpu/simd/simd.h"
#include "native/runtime/philox.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int kRandomBlocks = 16;                // counters at a time
constexpr int kRandomWords = 4 * kRandomBlocks;  // words that they make

// words[kRandomWords]: those of elements 4 * block .. 4 * block + kRandomWords - 1 of `sample`
// (counted from random.sample_base). `stream` is added to random.stream. Only the first `count`
// words need to be right.
inline void random_words(const RnRandom& random, uint32_t stream, uint64_t sample, uint64_t block,
                         int64_t count, uint32_t* words) {
  if (count <= kRandomWords / 4) {
    for (int64_t i = 0; i < count; i += 4)
      rn_random_block(&random, stream, sample, block + (uint64_t)i / 4, words + i);
    return;
  }
  const uint64_t s = random.sample_base + sample;
  const uint32_t high = (random.stream + stream) << 24 |
                        ((uint32_t)(random.step >> 32) & 0xffu) << 16 |
                        ((uint32_t)(s >> 32) & 0xffffu);
  const uint32_t key0 = (uint32_t)random.key, key1 = (uint32_t)(random.key >> 32);
  const uint32_t low = (uint32_t)s, step = (uint32_t)random.step, first = (uint32_t)block;
  uint32_t out[4][kRandomBlocks];
  for (int j = 0; j < kRandomBlocks; ++j) {
    uint32_t c0 = first + (uint32_t)j, c1 = low, c2 = step, c3 = high, k0 = key0, k1 = key1;
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
      const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
      c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
      c1 = (uint32_t)p1;
      c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
      c3 = (uint32_t)p0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    out[0][j] = c0;
    out[1][j] = c1;
    out[2][j] = c2;
    out[3][j] = c3;
  }
  for (int j = 0; j < kRandomBlocks; ++j)
    for (int k = 0; k < 4; ++k) words[4 * j + k] = out[k][j];
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RANDOM_WORDS_H_

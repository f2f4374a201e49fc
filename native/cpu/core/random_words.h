// Philox words in bulk. A counter word sits in the low half of a 64-bit lane, where a widening
// multiply finds it; the upper half is left as garbage, which neither that multiply nor xor carries
// downwards. So a round is two multiplies, two shifts and four xors for a vector of counters, and
// several vectors go side by side to hide their latency. Words and layout are those of
// native/runtime/philox.h.
#ifndef RNNATIVE_CPU_CORE_RANDOM_WORDS_H_
#define RNNATIVE_CPU_CORE_RANDOM_WORDS_H_

#include "native/cpu/simd/integer.h"
#include "native/runtime/philox.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int kRandomVectors = 4;
constexpr int kRandomBlocks = kRandomVectors * kLongs;  // counters at a time
constexpr int kRandomWords = 4 * kRandomBlocks;         // words that they make

// words[kRandomWords]: those of elements 4 * block .. 4 * block + kRandomWords - 1 of `sample`
// (counted from random.sample_base). `stream` is added to random.stream. Only the first `count`
// words need to be right. Not inlined: it is long, and so is what it does.
__attribute__((noinline)) inline void random_words(const RnRandom& random, uint32_t stream,
                                                   uint64_t sample, uint64_t block, int64_t count,
                                                   uint32_t* words) {
  if (count <= 12) {
    for (int64_t i = 0; i < count; i += 4)
      rn_random_block(&random, stream, sample, block + (uint64_t)i / 4, words + i);
    return;
  }
  const uint64_t s = random.sample_base + sample;
  const uint32_t high = (random.stream + stream) << 24 |
                        ((uint32_t)(random.step >> 32) & 0xffu) << 16 |
                        ((uint32_t)(s >> 32) & 0xffffu);
  uint64_t index[kRandomBlocks];
  for (int j = 0; j < kRandomBlocks; ++j) index[j] = block + (uint64_t)j;
  vul c0[kRandomVectors], c1[kRandomVectors], c2[kRandomVectors], c3[kRandomVectors];
  memcpy(c0, index, sizeof c0);
  for (int v = 0; v < kRandomVectors; ++v) {
    c1[v] = splat_long((uint32_t)s);
    c2[v] = splat_long((uint32_t)random.step);
    c3[v] = splat_long(high);
  }
  uint32_t k0 = (uint32_t)random.key, k1 = (uint32_t)(random.key >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const vul key0 = splat_long(k0), key1 = splat_long(k1);
#pragma GCC unroll 4
    for (int v = 0; v < kRandomVectors; ++v) {
      const vul p0 = multiply_low(c0[v], splat_long(0xD2511F53u));
      const vul p1 = multiply_low(c2[v], splat_long(0xCD9E8D57u));
      c0[v] = (p1 >> 32) ^ c1[v] ^ key0;
      c1[v] = p1;
      c2[v] = (p0 >> 32) ^ c3[v] ^ key1;
      c3[v] = p0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  // Pairs of words as they lie in memory on little-endian machines, then pairs of pairs.
  uint64_t low[kRandomBlocks], upper[kRandomBlocks], pairs[2 * kRandomBlocks];
  for (int v = 0; v < kRandomVectors; ++v) {
    const vul a = (c0[v] & 0xffffffffu) | (c1[v] << 32), b = (c2[v] & 0xffffffffu) | (c3[v] << 32);
    memcpy(low + v * kLongs, &a, sizeof a);
    memcpy(upper + v * kLongs, &b, sizeof b);
  }
  for (int j = 0; j < kRandomBlocks; ++j) {
    pairs[2 * j] = low[j];
    pairs[2 * j + 1] = upper[j];
  }
  memcpy(words, pairs, sizeof pairs);
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_RANDOM_WORDS_H_

/* Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as
 * 1, 2, 3" (SC 2011). A word is a pure function of (key, counter), so masks do not depend on thread
 * count, batch split or device. Plain C with internal linkage: the cpu backend includes this once
 * per ISA and must not emit weak symbols; CUDA includes it as device code. */
#ifndef RNNATIVE_RUNTIME_PHILOX_H_
#define RNNATIVE_RUNTIME_PHILOX_H_

#include <stdint.h>

#include "native/abi/backend.h"

#ifdef __CUDACC__
#define RN_PHILOX_INLINE static __host__ __device__ __forceinline__
#else
#define RN_PHILOX_INLINE static inline
#endif

/* out[4] = philox4x32-10(counter[4], key); the key's low word is the first. */
RN_PHILOX_INLINE void rn_philox(uint64_t key, const uint32_t counter[4], uint32_t out[4]) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
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
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/* The four words for elements 4 * block .. 4 * block + 3 of sample `sample` (counted from
 * random->sample_base), in the counter layout that RnRandom defines. `stream` is added to
 * random->stream. */
RN_PHILOX_INLINE void rn_random_block(const RnRandom* random, uint32_t stream, uint64_t sample,
                                      uint64_t block, uint32_t out[4]) {
  const uint64_t s = random->sample_base + sample;
  const uint32_t counter[4] = {(uint32_t)block, (uint32_t)s, (uint32_t)random->step,
                               (random->stream + stream) << 24 |
                                   ((uint32_t)(random->step >> 32) & 0xffu) << 16 |
                                   ((uint32_t)(s >> 32) & 0xffffu)};
  rn_philox(random->key, counter, out);
}

/* A word as a number in [0, 1): its top 24 bits, exact in float. */
RN_PHILOX_INLINE float rn_uniform(uint32_t word) {
  return (float)(word >> 8) * (1.0f / 16777216.0f);
}

#endif /* RNNATIVE_RUNTIME_PHILOX_H_ */

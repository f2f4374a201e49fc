// Tests only: gpu/intrinsics.cuh on the host.
#ifndef RNNATIVE_CUDA_INTRINSICS_CUH_
#define RNNATIVE_CUDA_INTRINSICS_CUH_

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

#include "cuda/emulation/cluster.h"

namespace rnnative::cuda {

inline char* shared_memory() {
  return rn_emulated_shared();
}

inline float bf16_half(uint64_t packed, unsigned half) {
  return __uint_as_float(static_cast<uint32_t>(packed >> (16 * half) & 0xffff) << 16);
}

inline void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const unsigned lane = rn_emulated_lane(), g = lane / 4, i = lane % 4;
  uint64_t rows[2][4][2], columns[2][4];  // a of rows g and g + 8 by lane; b of columns 2i, 2i + 1
  const auto gather = [&](uint64_t mine, unsigned first, uint64_t(*to)[2], unsigned slot) {
    const uint64_t* slots = rn_emulated_exchange(mine);
    for (unsigned j = 0; j < 4; ++j) to[j][slot] = slots[4 * first + j];
  };
  gather(static_cast<uint64_t>(a[2]) << 32 | a[0], g, rows[0], 0);
  gather(static_cast<uint64_t>(a[3]) << 32 | a[1], g, rows[1], 0);
  const uint64_t* slots = rn_emulated_exchange(static_cast<uint64_t>(b[1]) << 32 | b[0]);
  for (unsigned c = 0; c < 2; ++c)
    for (unsigned j = 0; j < 4; ++j) columns[c][j] = slots[4 * (2 * i + c) + j];
  for (unsigned r = 0; r < 2; ++r)
    for (unsigned c = 0; c < 2; ++c) {
      float sum = 0;
      for (unsigned half = 0; half < 4; ++half)
        for (unsigned j = 0; j < 4; ++j)
          sum += bf16_half(rows[r][j][0], half) * bf16_half(columns[c][j], half);
      d[2 * r + c] += sum;
    }
}

inline void load_matrices_as(uint32_t (&r)[4], const void* row, bool transposed) {
  const unsigned lane = rn_emulated_lane();
  const uint64_t* slots = rn_emulated_exchange(reinterpret_cast<uintptr_t>(row));
  for (unsigned m = 0; m < 4; ++m) {
    uint16_t pair[2];
    for (unsigned e = 0; e < 2; ++e) {
      const unsigned x = lane / 4, y = 2 * (lane % 4) + e;
      const auto* address = reinterpret_cast<const uint16_t*>(slots[8 * m + (transposed ? y : x)]);
      pair[e] = address[transposed ? x : y];
    }
    std::memcpy(&r[m], pair, sizeof pair);
  }
}
inline void load_matrices(uint32_t (&r)[4], const void* row) {
  load_matrices_as(r, row, false);
}
inline void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
  load_matrices_as(r, row, true);
}

inline uint32_t pack_bf16(float low, float high) {
  const auto rounded = [](float x) {
    const uint32_t bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
    return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  };
  return rounded(high) << 16 | rounded(low);
}

inline float tanh_approximate(float x) {
  return std::tanh(x);
}

inline float reciprocal_approximate(float x) {
  return 1 / x;
}

inline void copy_async(void* shared, const void* global, bool valid) {
  if (valid)
    std::memcpy(shared, global, 16);
  else
    std::memset(shared, 0, 16);
}
inline void copy_commit() {}
template <int kPending>
void copy_wait() {}

inline uint32_t load_acquire(const uint32_t* at) {
  return *at;
}
inline void add_release(uint32_t* at, uint32_t value) {
  *at += value;
}
inline uint4 load_fresh(const uint4* at) {
  return *at;
}

inline unsigned cluster_rank() {
  return rn_emulated_cluster_rank();
}
inline unsigned cluster_size() {
  return rn_emulated_cluster_size();
}
inline void cluster_barrier() {
  rn_emulated_cluster_barrier();
}
template <class T>
T* map_shared(T* mine, unsigned rank) {
  return static_cast<T*>(rn_emulated_map_shared(mine, rank));
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_INTRINSICS_CUH_

// Tests only: gpu/intrinsics.cuh on the host.
#ifndef RNNATIVE_CUDA_INTRINSICS_CUH_
#define RNNATIVE_CUDA_INTRINSICS_CUH_

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

#include "cuda/emulation/emulator.h"

namespace rnnative::cuda {

inline char* shared_memory() {
  return rn_emulated_shared();
}

struct MmaOperands {
  float* d;
  const uint32_t *a, *b;
};

// All lanes' sums at once: a thread per element would take a thousand times as long.
inline void mma_bf16_warp(void* const* lanes) {
  float a[16][16], b[16][8];  // [row][k], [k][column]
  const auto unpack = [](uint32_t pair, float* low, float* high) {
    *low = __uint_as_float(pair << 16);
    *high = __uint_as_float(pair & 0xffff0000u);
  };
  for (unsigned lane = 0; lane < 32; ++lane) {
    const auto& given = *static_cast<const MmaOperands*>(lanes[lane]);
    const unsigned g = lane / 4, k = 2 * (lane % 4);
    for (unsigned part = 0; part < 4; ++part) {
      float* row = &a[g + 8 * (part % 2)][k + 8 * (part / 2)];
      unpack(given.a[part], row, row + 1);
    }
    for (unsigned part = 0; part < 2; ++part)
      unpack(given.b[part], &b[k + 8 * part][g], &b[k + 8 * part + 1][g]);
  }
  for (unsigned row = 0; row < 16; ++row) {
    float sums[8] = {};
    for (unsigned k = 0; k < 16; ++k)
      for (unsigned column = 0; column < 8; ++column) sums[column] += a[row][k] * b[k][column];
    for (unsigned column = 0; column < 8; ++column)
      static_cast<const MmaOperands*>(lanes[4 * (row % 8) + column / 2])
          ->d[2 * (row / 8) + column % 2] += sums[column];
  }
}

inline void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaOperands mine = {d, a, b};
  rn_emulated_collective(&mine, mma_bf16_warp);
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
  rn_emulated_copy(shared, valid ? global : nullptr);
}
inline void copy_commit() {
  rn_emulated_commit();
}
template <int kPending>
void copy_wait() {
  rn_emulated_wait_for_copies(kPending);
}

inline uint32_t load_acquire(const uint32_t* at) {
  return *at;
}
inline void add_release(uint32_t* at, uint32_t value) {
  *at += value;
}
inline uint4 load_fresh(const uint4* at) {
  return *at;
}

inline void store_fresh(uint32_t* at, uint32_t value) {
  if (!rn_emulated_loses()) *at = value;
}
inline int forgotten(int value) {
  return value;
}
// Its address must be one that may be read.
inline void prefetch_to_l2(const void* at) {
  asm volatile("" ::"r"(static_cast<int>(*static_cast<const char*>(at))));
}
inline void spin_pause() {
  __nanosleep(0);
}
// A millisecond passes at each call.
inline uint64_t nanoseconds() {
  static uint64_t now = 0;
  return now += 1'000'000;
}
inline void trap() {
  rn_emulated_trap();
}

inline unsigned cluster_rank() {
  return rn_emulated_cluster_rank();
}
inline unsigned cluster_size() {
  return rn_emulated_cluster_size();
}
inline void cluster_arrive() {
  rn_emulated_cluster_arrive();
}
inline void cluster_wait() {
  rn_emulated_cluster_wait();
}
template <class T>
T* map_shared(T* mine, unsigned rank) {
  return static_cast<T*>(rn_emulated_map_shared(mine, rank));
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_INTRINSICS_CUH_

// How a warp gets its part of a version, chunk by chunk, in a persistent recurrence. In the shared
// memory of its block it simply lies there. In global memory other blocks are writing it: the warp
// looks at its first chunk until all of it has come, then has the next chunks copied to shared
// memory while it multiplies; the few that were late are looked at again. Every lane checks the 16
// bytes it copied itself, so nothing but the copy need be waited for.
//
// A look is on the critical path of every step, so all its loads are under way at once. ptxas sees
// to that only where they depend on nothing: they are made whether their words are needed or not,
// and all again where one is missing. So every address may be read: lanes without a row read
// another's, and loads past the warp's part of K what lies behind it, which nobody waits for.
#ifndef RNNATIVE_CUDA_RECURRENT_PERSISTENT_FETCH_CUH_
#define RNNATIVE_CUDA_RECURRENT_PERSISTENT_FETCH_CUH_

#include "cuda/recurrent/persistent/exchange.cuh"

namespace rnnative::cuda {

// A chunk is up to kTiles tiles of the batch by kEach loads of a lane, 512 bytes apart.
//   where.from(chunk, tile)  the 16 bytes of this lane's first load
//   where.tiles(chunk)       how many tiles there are
//   where.awaited(chunk)     how many loads of this lane, of each tile, get words that will come
template <int kTiles, int kEach>
struct Fetch {
  static constexpr int kBytes = kTiles * kEach * 512;  // of a slot

  uint4* slots;  // this warp's, [kSlots, kTiles, kEach, 32]
  int lane, step;
  LastWords* last_words;

  __device__ uint4* slot(int chunk) const { return slots + chunk % kSlots * (kBytes / 16); }

  template <int kNow>
  __device__ __forceinline__ static bool some_missing(const uint4 (&v)[kNow * kEach], int awaited) {
    uint32_t most = 0;
#pragma unroll
    for (int t = 0; t < kNow; ++t)
#pragma unroll
      for (int j = 0; j < kEach; ++j) {
        // All ones if j < awaited. A choice would take a predicate for each load, and ptxas then
        // lets a load wait for the one before.
        const auto mask = static_cast<uint32_t>((j - awaited) >> 31);
        most = larger(most, largest(v[t * kEach + j]) & mask);
      }
    return most == kMissing;
  }

  template <int kNow, class Where>
  __device__ __forceinline__ void look(uint4 (&v)[kNow * kEach], int chunk,
                                       const Where& where) const {
    const uint4* from[kNow];
#pragma unroll
    for (int t = 0; t < kNow; ++t) from[t] = where.from(chunk, t);
    const int awaited = where.awaited(chunk);
    Patience patience;
    while (true) {
#pragma unroll
      for (int t = 0; t < kNow; ++t)
#pragma unroll
        for (int j = 0; j < kEach; ++j) v[t * kEach + j] = load_fresh(from[t] + j * 32);
      if (!__any_sync(0xffffffffu, some_missing<kNow>(v, awaited))) return;
      patience.wait(last_words, step);
    }
  }

  template <class Where>
  __device__ __forceinline__ void copy(int chunk, int chunks, const Where& where) const {
    if (chunk < chunks) {
      const int tiles = where.tiles(chunk), awaited = where.awaited(chunk);
#pragma unroll
      for (int t = 0; t < kTiles; ++t) {
        if (t >= tiles) continue;
        const uint4* const from = where.from(chunk, t);
#pragma unroll
        for (int j = 0; j < kEach; ++j)
          copy_async(slot(chunk) + (t * kEach + j) * 32 + lane, from + j * 32, j < awaited);
      }
    }
    copy_commit();
  }

  // Chunks are taken in turn, each followed by release. kNow: tiles of this one.
  template <int kNow, class Where>
  __device__ __forceinline__ void take(uint4 (&v)[kNow * kEach], int chunk, int chunks,
                                       const Where& where) const {
    if (chunk == 0) {
      look<kNow>(v, 0, where);
      for (int ahead = 1; ahead < kSlots; ++ahead) copy(ahead, chunks, where);
      return;
    }
    copy_wait<kSlots - 1>();
    const int awaited = where.awaited(chunk);
#pragma unroll
    for (int l = 0; l < kNow * kEach; ++l) v[l] = slot(chunk)[l * 32 + lane];
    if (__any_sync(0xffffffffu, some_missing<kNow>(v, awaited))) look<kNow>(v, chunk, where);
  }
  template <class Where>
  __device__ __forceinline__ void release(int chunk, int chunks, const Where& where) const {
    if (chunks > 1) copy(chunk + kSlots, chunks, where);
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_PERSISTENT_FETCH_CUH_

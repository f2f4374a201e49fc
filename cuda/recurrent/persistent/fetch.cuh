// How a warp gets its part of a version, chunk by chunk, in a persistent recurrence. In the shared
// memory of its block it simply lies there. In global memory other blocks are writing it: the warp
// looks at its first chunk until all of it has come (only what is missing is read again), then has
// the next chunks copied to shared memory while it multiplies; the few that were late are looked at
// again. Every lane checks the 16 bytes it copied itself, so nothing but the copy need be waited
// for.
#ifndef RNNATIVE_CUDA_RECURRENT_PERSISTENT_FETCH_CUH_
#define RNNATIVE_CUDA_RECURRENT_PERSISTENT_FETCH_CUH_

#include "cuda/recurrent/persistent/exchange.cuh"

namespace rnnative::cuda {

template <int kLoads>
struct Fetch {
  uint4* slots;  // this warp's, [kSlots, kLoads, 32]
  int lane, step;
  LastWords* last_words;

  __device__ uint4* slot(int chunk) const { return slots + chunk % kSlots * kLoads * 32; }

  // `where(chunk, load)`: the 16 bytes of this lane, or null: zeros.
  template <class Where>
  __device__ __forceinline__ void look(uint4 (&v)[kLoads], int chunk, const Where& where) const {
    Patience patience;
    while (true) {
      bool again = false;
#pragma unroll
      for (int l = 0; l < kLoads; ++l)
        if (missing(v[l])) v[l] = load_fresh(where(chunk, l));
#pragma unroll
      for (int l = 0; l < kLoads; ++l) again |= missing(v[l]);
      if (!__any_sync(0xffffffffu, again)) return;
      patience.wait(last_words, step);
    }
  }

  template <class Where>
  __device__ __forceinline__ void copy(int chunk, int chunks, const Where& where) const {
    if (chunk < chunks) {
#pragma unroll
      for (int l = 0; l < kLoads; ++l) {
        const uint4* const from = where(chunk, l);
        copy_async(slot(chunk) + l * 32 + lane, from != nullptr ? from : where(chunk, -1),
                   from != nullptr);
      }
    }
    copy_commit();
  }

  // Chunks are taken in turn, each followed by release.
  template <class Where>
  __device__ __forceinline__ void take(uint4 (&v)[kLoads], int chunk, int chunks,
                                       const Where& where) const {
    if (chunk == 0) {
#pragma unroll
      for (int l = 0; l < kLoads; ++l) {
        const uint32_t word = where(0, l) != nullptr ? kMissing : 0;
        v[l] = make_uint4(word, word, word, word);
      }
      look(v, 0, where);
      for (int ahead = 1; ahead < kSlots; ++ahead) copy(ahead, chunks, where);
      return;
    }
    copy_wait<kSlots - 1>();
    bool late = false;
#pragma unroll
    for (int l = 0; l < kLoads; ++l) {
      v[l] = slot(chunk)[l * 32 + lane];
      late |= missing(v[l]);
    }
    if (__any_sync(0xffffffffu, late)) look(v, chunk, where);
  }
  template <class Where>
  __device__ __forceinline__ void release(int chunk, int chunks, const Where& where) const {
    if (chunks > 1) copy(chunk + kSlots, chunks, where);
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_PERSISTENT_FETCH_CUH_

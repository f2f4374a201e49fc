// How the blocks of a group hand each other what the next step multiplies: version v holds, for
// every row of the slice, the K operands that step v reads. One exchange per step, all of its
// latency on the critical path, so no tier pays for more than one trip:
//   kBlock, kCluster  two versions in the shared memory of every block; a producer writes all
//                     copies, one barrier (of the cluster) a step
//   kGrid             a ring of versions in global memory, cleared to a word that no value takes,
//                     and no flag: readers look at the data until it is there. A fence, a counter
//                     and a second trip are saved. Old versions are cleared half a ring at a time;
//                     a counter, released and acquired many steps apart, tells that all were.
// Words of a version lie in the order in which the warps of persistent_product.cuh take them, 16
// bytes a lane: bf16 as B fragments of mma.sync m16n8k16, two steps of K side by side; f32 as
// [tile, K / 4, 8 rows, 4].
#ifndef RNNATIVE_CUDA_RECURRENT_PERSISTENT_EXCHANGE_CUH_
#define RNNATIVE_CUDA_RECURRENT_PERSISTENT_EXCHANGE_CUH_

#include <intrinsics.cuh>

#include "cuda/core/device.cuh"
#include "cuda/recurrent/persistent/plan.cuh"

namespace rnnative::cuda {

constexpr uint32_t kMissing = 0xffffffffu;  // a NaN that rounding and keep_apart never make
constexpr int kHalfRing = 8;                // versions
constexpr int kRing = 2 * kHalfRing;
constexpr int kOverrun = 16 << 10;  // bytes behind a version that may be read, whatever lies there

// kMissing is the largest of words, so that some are missing if their largest is. Chains of
// comparisons would take predicates, of which there are seven, and hold up loads that follow.
__device__ __forceinline__ uint32_t larger(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}
__device__ __forceinline__ uint32_t largest(const uint4& v) {
  return larger(larger(v.x, v.y), larger(v.z, v.w));
}
__device__ __forceinline__ uint32_t keep_apart(float value) {
  const uint32_t bits = __float_as_uint(value);
  return bits == kMissing ? 0x7fffffffu : bits;
}

// A thread's wait for other blocks. It ends: a kernel that looks for ever keeps the device until
// its process is killed, and everybody waits who waits for that. What is waited for takes
// microseconds.
class Patience {
 public:
  // Between two looks.
  __device__ __forceinline__ void wait(LastWords* words, int step) {
    spin_pause();
    if (++looks_ % 1024 != 0) return;
    const auto now = static_cast<uint32_t>(nanoseconds() >> 20);
    if (looks_ == 1024) began_ = now;
    if (now - began_ < kLongest) return;
    words->block = blockIdx.x;
    words->step = static_cast<uint32_t>(step);
    __threadfence_system();
    words->said = 1;
    __threadfence_system();
    trap();
  }

 private:
  static constexpr uint32_t kLongest = 9537;  // of 2^20 ns: 10 s
  uint32_t looks_ = 0, began_ = 0;
};

// The word of a version that holds operand k of row b; in bf16 the pair k, k + 1 (k even).
template <bool kBf16>
__device__ __forceinline__ int word_of(int padded_k, int b, int k) {
  const int tile = b / 8, g = b % 8;
  if constexpr (kBf16)
    return ((tile * (padded_k / 32) + k / 32) * 32 + g * 4 + k / 2 % 4) * 4 + k / 8 % 4;
  else
    return ((tile * (padded_k / 4) + k / 4) * 8 + g) * 4 + k % 4;
}

class Exchange {
 public:
  // `ring`, `counter`: this group's, kGrid only; `words` of a version. The ring holds kMissing and
  // the counter 0 when the kernel starts.
  __device__ Exchange(Tier tier, int blocks, uint32_t* ring, uint32_t* counter, char* copies,
                      int64_t words, LastWords* last_words)
      : tier_(tier),
        blocks_(blocks),
        words_(words),
        base_(tier == Tier::kGrid ? ring : reinterpret_cast<uint32_t*>(copies)),
        counter_(counter),
        last_words_(last_words) {}

  // All blocks of a cluster must run before one writes to another.
  __device__ void start() const {
    if (tier_ != Tier::kCluster) return;
    cluster_arrive();
    cluster_wait();
  }

  __device__ const uint4* read(int version) const {
    return reinterpret_cast<const uint4*>(at(version));
  }
  __device__ bool remote() const { return tier_ == Tier::kGrid; }
  __device__ LastWords* last_words() const { return last_words_; }

  // Writes a word of a version. Where `shared_by` lanes have the same word, this is number `lane`.
  __device__ __forceinline__ void put(int version, int offset, uint32_t word, int lane,
                                      int shared_by) const {
    uint32_t* const to = at(version) + offset;
    if (tier_ == Tier::kCluster) {
      for (int rank = lane; rank < blocks_; rank += shared_by)
        *map_shared(to, static_cast<unsigned>(rank)) = word;
    } else if (lane == 0) {
      if (tier_ == Tier::kGrid)
        store_fresh(to, word);
      else
        *to = word;
    }
  }
  // kGrid: makes a word missing again.
  __device__ __forceinline__ void clear(int version, int offset) const {
    store_fresh(at(version) + offset, kMissing);
  }
  // Right after a step's puts, and before the block stores anything else: others need not wait
  // until that is done. What the block reads of this step's version and of its sums it has read.
  __device__ __forceinline__ void sent() const {
    if (tier_ == Tier::kCluster) cluster_arrive();
  }
  // At a step's end: from here on the version that was sent may be read.
  __device__ __forceinline__ void end_step() const {
    if (tier_ == Tier::kBlock) __syncthreads();
    if (tier_ == Tier::kCluster) cluster_wait();
  }

  // The ring. Step s reads version s: before that it calls before_reads(s), and after the block's
  // barrier and its puts of version s + 1 tidy(s, clear). Nothing of it stands between the arrival
  // of a version and the sending of the next one.
  //
  // Once a block has read version s, all have read version s - 1. So from step 8 k on, a block
  // clears what it put of the eight versions before, and tells so a step later, when its barrier
  // has come after the clearing of all its threads (a release covers what it comes after). The
  // slots are used again from version 8 k + 8 on, which is put after the barrier of step 8 k + 7:
  // before that every block knows that all have told.
  __device__ __forceinline__ void before_reads(int s) const {
    if (tier_ != Tier::kGrid || s % kHalfRing != kHalfRing - 1 || s < kHalfRing) return;
    // The last warp looks, by one lane: the first one tells.
    if (threadIdx.x < blockDim.x - 32) return;
    const auto cleared = static_cast<uint32_t>(s / kHalfRing) * static_cast<uint32_t>(blocks_);
    if (threadIdx.x == blockDim.x - 1)
      for (Patience patience; load_acquire(counter_) < cleared;) patience.wait(last_words_, s);
    __syncwarp();
  }
  // `clear(version)` puts kMissing wherever this thread ever puts.
  template <class Clear>
  __device__ __forceinline__ void tidy(int s, Clear&& clear) const {
    if (tier_ != Tier::kGrid || s < kHalfRing) return;
    if (s % kHalfRing == 0)
      for (int version = s - kHalfRing; version < s; ++version) clear(version);
    if (s % kHalfRing == 1 && threadIdx.x == 0) add_release(counter_, 1);
  }

 private:
  __device__ uint32_t* at(int version) const {
    return base_ + int64_t{version % (tier_ == Tier::kGrid ? kRing : 2)} * words_;
  }

  Tier tier_;
  int blocks_;
  int64_t words_;
  uint32_t *base_, *counter_;
  LastWords* last_words_;
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_PERSISTENT_EXCHANGE_CUH_

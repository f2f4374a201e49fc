// What the ops that choose tokens share: scores in order, penalties, and the answer where nothing
// can be chosen.
#ifndef RNNATIVE_CUDA_CORE_CHOICE_CUH_
#define RNNATIVE_CUDA_CORE_CHOICE_CUH_

#include "cuda/core/block.cuh"
#include "cuda/core/device.cuh"

namespace rnnative::cuda {

// ---- scores in order

// A number for a float, in the same order: -0 counts as 0, and a NaN comes above all.
__device__ inline uint32_t rank_of(float x) {
  const uint32_t bits = __float_as_uint(x + 0.0f);
  const uint32_t rank = bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
  return x == x ? rank : 0xffffffffu;
}
__device__ inline float score_of(uint32_t rank) {
  return __uint_as_float(rank ^ (rank >> 31 ? 0x80000000u : 0xffffffffu));
}
constexpr uint32_t kRankOfNone = 0x007fffffu, kRankOfInfinity = 0xff800000u;  // -inf, +inf
// Whether scores whose highest rank is this one have a finite maximum and no NaN.
__device__ inline bool rankable(uint32_t highest) {
  return highest > kRankOfNone && highest < kRankOfInfinity;
}

// Scores with an index in the order of choice: of equals the lower index comes first. All are
// above kNoKey.
constexpr uint64_t kNoKey = 0;
__device__ inline uint64_t key_of(uint32_t rank, uint32_t index) {
  return static_cast<uint64_t>(rank) << 32 | ~index;
}
__device__ inline uint32_t rank_of_key(uint64_t key) {
  return static_cast<uint32_t>(key >> 32);
}
__device__ inline uint32_t index_of_key(uint64_t key) {
  return ~static_cast<uint32_t>(key);
}

struct Greater {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

// to[i] = from[i] by thread i % blockDim.x, with loads of several under way at once.
__device__ inline void copy_scores(float* to, const float* from, uint32_t n) {
  constexpr uint32_t kBatch = 8;
  for (uint32_t first = threadIdx.x; first < n; first += kBatch * blockDim.x) {
    float batch[kBatch];
#pragma unroll
    for (uint32_t j = 0; j < kBatch; ++j) {
      const uint32_t i = first + j * blockDim.x;
      batch[j] = i < n ? __ldg(from + i) : 0.0f;
    }
#pragma unroll
    for (uint32_t j = 0; j < kBatch; ++j) {
      const uint32_t i = first + j * blockDim.x;
      if (i < n) to[i] = batch[j];
    }
  }
}

// ---- penalties

// Those of tokens b * size .. (b + 1) * size - 1 of row r are number first[i] .. first[i + 1] - 1,
// i = r * ceil(vocabulary / size) + b, by tokens. Device memory; `first` is null where there are
// none at all.
struct SortedPenalties {
  const int32_t* first;
  const int32_t* tokens;  // [P]
  const int32_t* order;   // [P] places in `values`
  const float* values;    // [P]
};
// After checking them.
int32_t sort_penalties(RnContext* ctx, const RnPenalties& given, int64_t rows, int64_t vocabulary,
                       int64_t size, SortedPenalties* out);

// Adds part i to the scores of tokens from `begin` on; those of one token in the order they were
// given. A barrier must stand before and after.
__device__ inline void penalise(const SortedPenalties& penalties, int64_t i, int32_t begin,
                                float* scores) {
  if (penalties.first == nullptr) return;
  const int32_t first = penalties.first[i], end = penalties.first[i + 1];
  for (int32_t at = first + static_cast<int32_t>(threadIdx.x); at < end; at += blockDim.x) {
    const int32_t token = penalties.tokens[at];
    if (at > first && penalties.tokens[at - 1] == token) continue;
    float score = scores[token - begin];
    for (int32_t same = at; same < end && penalties.tokens[same] == token; ++same)
      score += penalties.values[penalties.order[same]];
    scores[token - begin] = score;
  }
}

// ---- rows that nothing can be chosen for

// The first of them, on the device.
class Refusal {
 public:
  int32_t open(RnContext* ctx);
  uint32_t* row() const { return row_; }
  // Waits for the stream: RN_OK, or RN_ERR_NONFINITE naming the row.
  int32_t answer(RnContext* ctx) const;

 private:
  uint32_t* row_ = nullptr;
};
__device__ inline void refuse(uint32_t* first, int64_t row) {
  atomicMin(first, static_cast<uint32_t>(row));
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_CHOICE_CUH_

// Tokens drawn from the softmax of logits: a block for each row, whose scores stay in shared memory
// where they fit. Weights are counted in fixed point, so that every sum is exact and the same in
// whatever order it is taken: shares of the threads need no order, no atomics and no doubles.
//
// Nothing is sorted. What top-k and top-p leave is found by bisection over the ranks of the scores:
// a pass looks only at the tokens between the bounds, and only for these computes a weight. The
// place where a running sum crosses a bound is found by first summing a stretch of tokens for each
// warp; then the one warp that it lies with goes through its stretch.
#include <intrinsics.cuh>

#include <algorithm>
#include <cfloat>

#include "cuda/core/choice.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

constexpr unsigned kMostThreads = 1024, kMostWarps = kMostThreads / kWarpSize;

struct Sampling {
  uint32_t vocabulary, top_k;
  double top_p;
  float temperature;
  float one;              // the weight 1 in fixed point: vocabulary * one < 2^63
  const float* logits;    // [rows, vocabulary]
  const int32_t* given;   // [rows] or null
  const uint32_t* words;  // [rows, 2] or null
  SortedPenalties penalties;
  float* scores;  // [rows, vocabulary]; null: in shared memory
  uint32_t* refused;
  int32_t* tokens;           // [rows]
  float* log_probabilities;  // [rows]
};

struct Shared {
  uint64_t sums[kMostWarps];
  uint32_t ranks[kMostWarps];
  uint32_t token;
};
constexpr size_t kScoresAt = (sizeof(Shared) + 15) / 16 * 16;

// The tokens of a higher rank, and those of this rank up to `last`.
struct Limit {
  uint32_t rank, last;
  __device__ bool keeps(uint32_t own, uint32_t token) const {
    return own > rank || (own == rank && token <= last);
  }
};

// A row and the block that works on it.
struct Row {
  const float* scores;  // [n]
  uint32_t n;
  Shared* shared;

  // of(token) summed over the row's tokens.
  template <class Of>
  __device__ uint64_t total(const Of& of) const {
    uint64_t sum = 0;
    for (uint32_t token = threadIdx.x; token < n; token += blockDim.x) sum += of(token);
    return block_reduce(sum, Add(), shared->sums);
  }

  // The first token at which the running sum of of(token) exceeds `bound`; the total does.
  template <class Of>
  __device__ uint32_t crossing(uint64_t bound, const Of& of) const {
    const uint32_t lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
    const uint32_t stretch = (n / blockDim.x + 1) * kWarpSize;  // of tokens, a warp's
    const uint32_t begin = warp * stretch, end = n < begin + stretch ? n : begin + stretch;
    uint64_t own = 0;
    for (uint32_t token = begin + lane; token < end; token += kWarpSize) own += of(token);
    own = warp_reduce(own, Add());
    __syncthreads();
    if (lane == 0) shared->sums[warp] = own;
    __syncthreads();
    for (uint32_t lower = 0; lower < warp; ++lower) {
      const uint64_t sum = shared->sums[lower];
      if (bound < sum) own = 0;  // it lies with the lower warp
      if (bound >= sum) bound -= sum;
    }
    for (uint32_t first = begin; bound < own; first += kWarpSize) {
      uint64_t running = first + lane < end ? of(first + lane) : 0;
      for (uint32_t by = 1; by < kWarpSize; by *= 2) {
        const uint64_t before = __shfl_up_sync(kAllLanes, running, by);
        if (lane >= by) running += before;
      }
      const unsigned beyond = __ballot_sync(kAllLanes, bound < running);
      if (beyond != 0) {
        if (lane == 0) shared->token = first + __ffs(static_cast<int>(beyond)) - 1;
        break;
      }
      const uint64_t sum = __shfl_sync(kAllLanes, running, kWarpSize - 1);
      bound -= sum;
      own -= sum;
    }
    __syncthreads();
    return shared->token;
  }

  // Narrows `limit` to the likeliest tokens, as few as have amounts that come to `wanted` (at least
  // 1). `sum`: of the amounts of all that it keeps; `highest`: of the ranks. An amount depends on
  // the score.
  template <class Amount>
  __device__ Limit narrow(const Limit& limit, uint64_t wanted, uint64_t sum, uint32_t highest,
                          const Amount& amount) const {
    // Those from `low` on come to `wanted`, those from `high` on do not, but to `above`.
    uint32_t low = limit.rank, high = highest + 1;
    uint64_t above = 0;
    while (high - low > 1 && sum > wanted) {
      const uint32_t middle = low + (high - low) / 2;
      const uint64_t between = total([=, *this](uint32_t token) {
        const uint32_t own = rank_of(scores[token]);
        const bool counts = own >= middle && own < high && limit.keeps(own, token);
        return counts ? amount(scores[token]) : uint64_t{0};
      });
      if (above + between >= wanted) {
        low = middle;
        sum = above + between;
      } else {
        high = middle;
        above += between;
      }
    }
    if (sum <= wanted) return low == limit.rank ? limit : Limit{low, n - 1};
    // Those of the rank `low` weigh the same: the first of them are kept.
    const uint64_t each = amount(score_of(low)), count = (wanted - above + each - 1) / each;
    const uint32_t last = crossing(count - 1, [=, *this](uint32_t token) {
      const uint32_t own = rank_of(scores[token]);
      return uint64_t{own == low && limit.keeps(own, token)};
    });
    return {low, last};
  }
};

__device__ uint32_t draw(const Sampling& s, const Row& row, uint32_t highest,
                         const uint32_t* words) {
  const float best = score_of(highest), temperature = s.temperature, one = s.one;
  const auto weigh = [=](float score) {
    return static_cast<uint64_t>(expf((score - best) / temperature) * one);
  };
  Limit limit = {0, row.n - 1};
  if (s.top_k < row.n)
    limit = row.narrow(limit, s.top_k, row.n, highest, [](float) { return uint64_t{1}; });
  const float* scores = row.scores;
  const auto kept_weight = [&](uint32_t token) {
    const float score = scores[token];
    return limit.keeps(rank_of(score), token) ? weigh(score) : uint64_t{0};
  };
  uint64_t sum = row.total(kept_weight);
  if (s.top_p < 1) {
    const auto part = static_cast<uint64_t>(ceil(s.top_p * static_cast<double>(sum)));
    const uint64_t wanted = part < 1 ? 1 : part < sum ? part : sum;
    limit = row.narrow(limit, wanted, sum, highest, weigh);
    sum = row.total(kept_weight);
  }
  // floor(u sum): u's 53 bits are the upper ones of the 64.
  const uint64_t bits = (static_cast<uint64_t>(words[0]) << 32 | words[1]) & ~uint64_t{0x7ff};
  return row.crossing(__umul64hi(bits, sum), kept_weight);
}

// Block: a row.
__global__ void __launch_bounds__(kMostThreads) sample_kernel(Sampling s) {
  auto* shared = reinterpret_cast<Shared*>(shared_memory());
  const int64_t row = blockIdx.x;
  const uint32_t n = s.vocabulary;
  const float* logits = s.logits + row * n;
  float* scores = s.scores == nullptr ? reinterpret_cast<float*>(shared_memory() + kScoresAt)
                                      : s.scores + row * n;
  const Row own = {scores, n, shared};
  const auto highest_rank = [=] {
    uint32_t rank = 0;
    for (uint32_t i = threadIdx.x; i < n; i += blockDim.x)
      rank = Greater()(rank, rank_of(scores[i]));
    return block_reduce(rank, Greater(), shared->ranks);
  };

  copy_scores(scores, logits, n);
  uint32_t highest = highest_rank();
  const bool finite = rankable(highest);
  const float shift = score_of(highest), one = s.one;
  uint64_t sum = 0;
  if (finite) {
    sum = own.total(
        [=](uint32_t token) { return static_cast<uint64_t>(expf(scores[token] - shift) * one); });
  }

  int32_t token = s.given == nullptr ? -1 : s.given[row];
  if (token < 0) {
    if (finite && s.penalties.first != nullptr) {
      __syncthreads();
      penalise(s.penalties, row, 0, scores);
      __syncthreads();
      highest = highest_rank();
    }
    if (!finite || !rankable(highest)) {
      if (threadIdx.x == 0) refuse(s.refused, row);
      return;
    }
    if (s.temperature == 0) {
      const auto is_highest = [=](uint32_t i) { return uint64_t{rank_of(scores[i]) == highest}; };
      token = static_cast<int32_t>(own.crossing(0, is_highest));
    } else {
      token = static_cast<int32_t>(draw(s, own, highest, s.words + 2 * row));
    }
  }
  if (threadIdx.x != 0) return;
  const double total = finite ? shift + log(static_cast<double>(sum) / one) : NAN;
  s.tokens[row] = token;
  s.log_probabilities[row] = static_cast<float>(logits[token] - total);
}

}  // namespace

int32_t sample_tokens(RnContext* ctx, const RnSampleTokens* args) {
  const int64_t rows = args->rows, n = args->vocabulary;
  int32_t status = RN_OK;
  if (args->given != nullptr)
    status = check_indices(ctx, "given token", args->given, rows, n - 1, -1);
  Sampling s = {};
  if (status == RN_OK) status = sort_penalties(ctx, args->penalties, rows, n, n, &s.penalties);
  Refusal refusal;
  if (status == RN_OK) status = refusal.open(ctx);
  if (status != RN_OK) return status;

  s.vocabulary = static_cast<uint32_t>(n);
  s.top_k = static_cast<uint32_t>(args->top_k);
  s.top_p = args->top_p;
  if (args->temperature > 0)
    s.temperature = static_cast<float>(std::clamp<double>(args->temperature, FLT_MIN, FLT_MAX));
  s.one = 0x1p62f;
  while (s.one * static_cast<float>(n) > 0x1p62f) s.one /= 2;
  s.logits = static_cast<const float*>(args->logits);
  s.given = args->given;
  s.words = args->words;
  s.refused = refusal.row();
  s.tokens = args->tokens;
  s.log_probabilities = static_cast<float*>(args->log_probabilities);

  Launch how;
  how.grid = dim3(static_cast<unsigned>(rows));
  const int64_t threads = ceil_div(ceil_div(n, 8), kWarpSize) * kWarpSize;
  how.block = dim3(static_cast<unsigned>(std::min<int64_t>(threads, kMostThreads)));
  how.shared = kScoresAt;
  const size_t bytes = static_cast<size_t>(n) * sizeof(float);
  if (kScoresAt + bytes <= device().properties.sharedMemPerBlockOptin) {
    how.shared += bytes;
  } else {
    s.scores = scratch_of<float>(ctx, rows * n);
    if (s.scores == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  status = launch(ctx, how, sample_kernel, s);
  return status == RN_OK ? refusal.answer(ctx) : status;
}

}  // namespace rnnative::cuda

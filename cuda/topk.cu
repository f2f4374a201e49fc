// The best continuations of beams, in two launches. Within a row the order of the scores is that of
// the logits, so the first reads the logits once: a block for each slice of a row sums their
// exponentials and leaves the slice's k best, sorted. The second merges a sentence's lists, with
// the log-sums of its rows known, in k rounds. So few rows fill the device as well as many, and no
// score is written but those of candidates.
//
// Both take the best k times over: each thread knows the best of what is its own, and only the warp
// of the one that was taken has to look again.
#include <intrinsics.cuh>

#include <algorithm>

#include "cuda/core/choice.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

constexpr unsigned kThreads = 256, kWarps = kThreads / kWarpSize;
// Tokens of a slice: what a block holds in shared memory.
constexpr int32_t kSlice = 4096;

struct Search {
  int64_t beams, slices, k;
  int32_t vocabulary;
  int32_t kept;         // candidates of a slice: min(k, kSlice, vocabulary)
  const float* logits;  // [rows, vocabulary]
  const float* scores;  // [rows]
  SortedPenalties penalties;
  // By rows and slices:
  uint64_t* candidates;  // [rows, slices, kept] keys of logit + penalty, best first, then kNoKey
  uint32_t* highest;     // [rows, slices] rank of the highest logit
  double* sums;          // [rows, slices] of exp(logit - shift_of(highest))
  int32_t* taken;        // [rows, slices] candidates that the merge has taken
  double* offsets;       // [rows] what turns a candidate's score into that of the continuation
  uint32_t* refused;
  int32_t* indices;  // [groups, k]
  float* best;       // [groups, k]
};

// Calls write(i, key) for the k greatest keys of the block's threads, in order; all the same when
// there are no more: kNoKey. `own` is the greatest of the thread's, next(key) the one after `key`.
// `shared`: [2, kWarps].
template <class Next, class Write>
__device__ void take_best(int64_t k, uint64_t own, uint64_t* shared, const Next& next,
                          const Write& write) {
  const unsigned lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  uint64_t best = warp_reduce(own, Greater());
  for (int64_t i = 0; i < k; ++i) {
    uint64_t* round = shared + i % 2 * kWarps;
    if (lane == 0) round[warp] = best;
    __syncthreads();
    uint64_t winner = round[0];
    for (unsigned other = 1; other < kWarps; ++other) winner = Greater()(winner, round[other]);
    if (threadIdx.x == 0) write(i, winner);
    if (winner != best || winner == kNoKey) continue;
    if (own == winner) own = next(winner);
    best = warp_reduce(own, Greater());
  }
}

__device__ uint64_t key_of_score(float score, uint32_t index) {
  return score > -INFINITY ? key_of(rank_of(score), index) : kNoKey;
}

__device__ float shift_of(uint32_t highest) {
  return rankable(highest) ? score_of(highest) : 0.0f;
}

// Block: slice blockIdx.x % slices of row blockIdx.x / slices.
__global__ void __launch_bounds__(kThreads) choose_kernel(Search s) {
  auto* joins = reinterpret_cast<uint64_t*>(shared_memory());  // [2, kWarps]
  auto* sums = reinterpret_cast<double*>(joins + 2 * kWarps);  // [kWarps]
  auto* ranks = reinterpret_cast<uint32_t*>(sums + kWarps);    // [kWarps]
  auto* scores = reinterpret_cast<float*>(ranks + kWarps);     // [kSlice]
  const int64_t row = blockIdx.x / s.slices, slice = blockIdx.x % s.slices;
  const auto begin = static_cast<int32_t>(slice * kSlice);
  const int32_t size = s.vocabulary - begin < kSlice ? s.vocabulary - begin : kSlice;
  uint64_t* to = s.candidates + static_cast<int64_t>(blockIdx.x) * s.kept;
  if (s.scores[row] == -INFINITY) {
    for (int32_t i = threadIdx.x; i < s.kept; i += kThreads) to[i] = kNoKey;
    return;
  }

  copy_scores(scores, s.logits + row * s.vocabulary + begin, static_cast<uint32_t>(size));
  uint32_t highest = 0;
  for (int32_t i = threadIdx.x; i < size; i += kThreads)
    highest = Greater()(highest, rank_of(scores[i]));
  highest = block_reduce(highest, Greater(), ranks);
  const float shift = shift_of(highest);
  float sum = 0;
  for (int32_t i = threadIdx.x; i < size; i += kThreads) sum += expf(scores[i] - shift);
  const double total = block_reduce(static_cast<double>(sum), Add(), sums);
  if (threadIdx.x == 0) {
    s.highest[blockIdx.x] = highest;
    s.sums[blockIdx.x] = total;
  }
  penalise(s.penalties, blockIdx.x, begin, scores);
  __syncthreads();

  const auto base = static_cast<uint32_t>(row % s.beams * s.vocabulary + begin);
  const auto best_of_own = [=] {
    uint64_t own = kNoKey;
    for (int32_t i = threadIdx.x; i < size; i += kThreads)
      own = Greater()(own, key_of_score(scores[i], base + static_cast<uint32_t>(i)));
    return own;
  };
  take_best(
      s.kept, best_of_own(), joins,
      [=](uint64_t key) {
        scores[index_of_key(key) - base] = -INFINITY;
        return best_of_own();
      },
      [=](int64_t i, uint64_t key) { to[i] = key; });
}

// By one warp: what is added to a row's candidates.
__device__ void find_offset(const Search& s, int64_t row) {
  const unsigned lane = threadIdx.x % kWarpSize;
  const float score = s.scores[row];
  if (score == -INFINITY) return;  // it has no candidates
  const uint32_t* ranks = s.highest + row * s.slices;
  uint32_t highest = 0;
  for (int64_t i = lane; i < s.slices; i += kWarpSize) highest = Greater()(highest, ranks[i]);
  highest = warp_reduce(highest, Greater());
  const float shift = shift_of(highest);
  double sum = 0;
  for (int64_t i = lane; i < s.slices; i += kWarpSize)
    if (ranks[i] > kRankOfNone)
      sum += s.sums[row * s.slices + i] * exp(static_cast<double>(shift_of(ranks[i])) - shift);
  sum = warp_reduce(sum, Add());
  if (lane != 0) return;
  if (!rankable(highest)) refuse(s.refused, row);
  s.offsets[row] = score - (shift + log(sum));
}

// Block: a sentence.
__global__ void __launch_bounds__(kThreads) merge_kernel(Search s) {
  auto* joins = reinterpret_cast<uint64_t*>(shared_memory());  // [2, kWarps]
  const int64_t group = blockIdx.x, first_row = group * s.beams;
  const int64_t lists = s.beams * s.slices, first_list = first_row * s.slices;
  for (int64_t beam = threadIdx.x / kWarpSize; beam < s.beams; beam += kWarps)
    find_offset(s, first_row + beam);
  for (int64_t i = threadIdx.x; i < lists; i += kThreads) s.taken[first_list + i] = 0;
  __syncthreads();

  const auto head_of = [=](int64_t list) {
    const int32_t at = s.taken[first_list + list];
    if (at == s.kept) return kNoKey;
    const uint64_t candidate = s.candidates[(first_list + list) * s.kept + at];
    if (candidate == kNoKey) return kNoKey;
    const double offset = s.offsets[first_row + list / s.slices];
    const auto score = static_cast<float>(score_of(rank_of_key(candidate)) + offset);
    return key_of_score(score, index_of_key(candidate));
  };
  const auto best_of_own = [=] {
    uint64_t own = kNoKey;
    for (int64_t i = threadIdx.x; i < lists; i += kThreads) own = Greater()(own, head_of(i));
    return own;
  };
  take_best(
      s.k, best_of_own(), joins,
      [=](uint64_t key) {
        const int64_t index = index_of_key(key), beam = index / s.vocabulary;
        ++s.taken[first_list + beam * s.slices + index % s.vocabulary / kSlice];
        return best_of_own();
      },
      [=](int64_t i, uint64_t key) {
        const bool found = key != kNoKey;
        s.indices[group * s.k + i] = found ? static_cast<int32_t>(index_of_key(key)) : -1;
        s.best[group * s.k + i] = found ? score_of(rank_of_key(key)) : -INFINITY;
      });
}

}  // namespace

int32_t topk(RnContext* ctx, const RnTopk* args) {
  const int64_t rows = args->groups * args->beams, n = args->vocabulary;
  Search s = {};
  s.beams = args->beams;
  s.slices = ceil_div(n, kSlice);
  s.k = args->k;
  s.vocabulary = static_cast<int32_t>(n);
  s.kept = static_cast<int32_t>(std::min<int64_t>({args->k, kSlice, n}));
  s.logits = static_cast<const float*>(args->logits);
  s.scores = static_cast<const float*>(args->scores);
  s.indices = args->indices;
  s.best = static_cast<float*>(args->best);
  int32_t status = sort_penalties(ctx, args->penalties, rows, n, kSlice, &s.penalties);
  Refusal refusal;
  if (status == RN_OK) status = refusal.open(ctx);
  if (status != RN_OK) return status;
  s.refused = refusal.row();
  const int64_t slices = rows * s.slices;
  s.candidates = scratch_of<uint64_t>(ctx, slices * s.kept);
  s.sums = scratch_of<double>(ctx, slices);
  s.offsets = scratch_of<double>(ctx, rows);
  s.highest = scratch_of<uint32_t>(ctx, slices);
  s.taken = scratch_of<int32_t>(ctx, slices);
  if (!s.candidates || !s.sums || !s.offsets || !s.highest || !s.taken) return RN_ERR_OUT_OF_MEMORY;

  constexpr size_t kJoins = 2 * kWarps * sizeof(uint64_t);
  Launch how;
  how.block = dim3(kThreads);
  how.grid = dim3(static_cast<unsigned>(slices));
  how.shared = kJoins + kWarps * (sizeof(double) + sizeof(uint32_t)) + kSlice * sizeof(float);
  status = launch(ctx, how, choose_kernel, s);
  if (status != RN_OK) return status;
  how.grid = dim3(static_cast<unsigned>(args->groups));
  how.shared = kJoins;
  status = launch(ctx, how, merge_kernel, s);
  return status == RN_OK ? refusal.answer(ctx) : status;
}

}  // namespace rnnative::cuda

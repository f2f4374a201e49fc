// What the kernels of both passes of a persistent recurrence share: a block's place in its group,
// a thread's units and rows, and the rows that take part in a step.
#ifndef RNNATIVE_CUDA_RECURRENT_PERSISTENT_BLOCK_CUH_
#define RNNATIVE_CUDA_RECURRENT_PERSISTENT_BLOCK_CUH_

#include <type_traits>

#include "cuda/recurrent/cells.cuh"
#include "cuda/recurrent/layer.cuh"
#include "cuda/recurrent/persistent/exchange.cuh"

namespace rnnative::cuda {

constexpr int kMaxGates = 4;
// Steps between the fetching of what a step reads to L2 and that step: memory takes a microsecond
// and more when many blocks ask for short rows at once, and the slowest of them decides.
constexpr int kAhead = 4;

template <bool kBf16>
using StepMath = std::conditional_t<kBf16, QuickScalars, Scalars>;

// Of one launch.
struct PersistentRun {
  Plan plan;
  int32_t cell, gates, slots;  // G, S
  bool reads_h;                // h before a step has a part of its own in the state after it
  int32_t first_group;  // number slice + slices * direction of the first group of this launch
  int64_t hidden, directions, tokens;
  Rows rows;
  const float* w_hh[2];
  // kGrid: [groups, kRing] versions, and a counter 128 bytes apart per group
  uint32_t *ring, *counters;
  LastWords* last_words;
};

// Rows of the slice that take part at some time: the first `count`, packed from `base`.
struct StepRows {
  int base, count;
};

struct BlockPlace {
  int direction, rank, group;  // group: within the launch
  int unit;                    // first of this block
  int row;                     // first of the slice, in sorted order
  int rows;                    // of the slice
  int steps;                   // of its longest row

  __device__ explicit BlockPlace(const PersistentRun& run) {
    const auto block = static_cast<int>(blockIdx.x);
    group = block / run.plan.blocks;
    rank = block % run.plan.blocks;
    const int number = run.first_group + group;
    direction = number / run.plan.slices;
    unit = rank * run.plan.units;
    row = number % run.plan.slices * run.plan.rows;
    rows = min(static_cast<int>(run.rows.batch) - row, run.plan.rows);
    steps = static_cast<int>(run.rows.length(row));
  }
  // Where unit u of the block, in row b of the slice, lies in [D, B, H].
  __device__ int64_t state(const PersistentRun& run, int u, int b) const {
    const int64_t caller = direction * run.rows.batch + run.rows.place(row + b);
    return caller * run.hidden + unit + u;
  }
  // None before the first time and after the last.
  __device__ __forceinline__ StepRows at(const PersistentRun& run, int t) const {
    if (t < 0 || t >= steps) return {0, 0};
    const int active = static_cast<int>(run.rows.active(t)) - row;
    return {static_cast<int>(run.rows.row(t, row)), min(active, rows)};
  }
};

// The units a thread steps, each in one row: neighbours in units, so that memory is read in order
// and a pair of units, which bf16 puts as one word, is two neighbouring lanes, the even one first.
struct Elements {
  int u[kElements];     // in the block
  int b[kElements];     // in the slice; kNone: not even a unit of padding
  int word[kElements];  // of a version, of its operand or of its pair's (of the first gate)
  static constexpr int kNone = 1 << 30;

  __device__ Elements(const Plan& plan, bool bf16, int first_unit) {
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      const auto n = static_cast<int>(threadIdx.x + e * blockDim.x);
      u[e] = n % plan.units;
      b[e] = n / plan.units;
      const int k = first_unit + u[e];
      word[e] = bf16 ? word_of<true>(plan.k, b[e], k - k % 2) : word_of<false>(plan.k, b[e], k);
      if (k >= plan.padded) b[e] = kNone;
    }
  }
  // At the beginning of a step: addresses are made where they are used (see forgotten).
  __device__ __forceinline__ void forget() {
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      u[e] = forgotten(u[e]);
      b[e] = forgotten(b[e]);
      word[e] = forgotten(word[e]);
    }
  }
};

// Words from an operand of one gate to that of the next, K being [G, padded].
template <bool kBf16>
__device__ __forceinline__ int gate_words(const Plan& plan) {
  return plan.padded * (kBf16 ? 4 : 8);
}

// r[g] += what stands at from + g * gate, of every part of K in turn. Of numbers of parts that are
// known all loads are under way at once.
template <int kParts, int kGates>
__device__ __forceinline__ void add_parts(const float* from, int part, int gate,
                                          float (&r)[kGates]) {
#pragma unroll
  for (int p = 0; p < kParts; ++p)
#pragma unroll
    for (int g = 0; g < kGates; ++g) r[g] += from[p * part + g * gate];
}
template <bool kAlone, int kGates>
__device__ __forceinline__ void add_all_parts(const Plan& plan, const float* from, int gate,
                                              float (&r)[kGates]) {
  const int part = plan.m * plan.ld;
  if (!kAlone && plan.parts == 8) {
    add_parts<8>(from, part, gate, r);
  } else if (!kAlone && plan.parts == 4) {
    add_parts<4>(from, part, gate, r);
  } else {
    for (int p = 0; p < plan.parts; ++p) add_parts<1>(from + p * part, part, gate, r);
  }
}

// Puts a lane's operand. All lanes of the warp take part; a pair is put by both its lanes together.
template <bool kBf16>
__device__ __forceinline__ void put_operand(const Exchange& exchange, int version, int word,
                                            bool live, float value) {
  if constexpr (kBf16) {
    const auto odd = static_cast<int>(threadIdx.x % 2);
    const float other = __shfl_xor_sync(0xffffffffu, value, 1);
    const uint32_t pair = odd != 0 ? pack_bf16(other, value) : pack_bf16(value, other);
    if (live) exchange.put(version, word, pair, odd, 2);
  } else if (live) {
    exchange.put(version, word, keep_apart(value), 0, 1);
  }
}

// Host side.
struct PersistentKernels {
  const Shape* shapes;
  int32_t count;
};
bool plan_layer(const Layer& layer, bool backward, const PersistentKernels& kernels, Plan* plan);
// Whether the device does not have the launches of this tier, rather than that this one failed;
// then no more plans of it are made.
bool lacks_tier(Tier tier, cudaError_t error);
// Fills `run`, but for `first_group`, `ring` and `counters`.
void describe_run(const Layer& layer, const Plan& plan, PersistentRun* run);
// Memory for the exchange of one launch, cleared by clear_ring before each.
int32_t allocate_ring(RnContext* ctx, const Layer& layer, PersistentRun* run);
int32_t clear_ring(RnContext* ctx, const Layer& layer, const PersistentRun& run);

// Launches kernel(args) as often as it takes to run all groups. args.run is the PersistentRun.
// `ran` false: the device does not have such launches, and nothing was done.
template <class Args>
int32_t launch_groups(RnContext* ctx, const Layer& layer, void (*kernel)(Args), Args args,
                      bool* ran) {
  PersistentRun& run = args.run;
  const Plan& plan = run.plan;
  *ran = true;
  int32_t status = allocate_ring(ctx, layer, &run);
  if (status != RN_OK) return status;
  cudaError_t error = cudaSuccess;
  if (plan.tier == Tier::kCluster && plan.blocks > 8)
    error = cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
  const auto groups = static_cast<int32_t>(layer.directions) * plan.slices;
  const int32_t at_once = plan.groups > 0 ? plan.groups : groups;
  for (run.first_group = 0; run.first_group < groups; run.first_group += at_once) {
    const int32_t left = groups - run.first_group, n = left < at_once ? left : at_once;
    status = clear_ring(ctx, layer, run);
    if (status != RN_OK) return status;
    Launch how;
    how.grid = dim3(static_cast<unsigned>(n * plan.blocks));
    how.block = dim3(static_cast<unsigned>(plan.threads));
    how.shared = static_cast<size_t>(plan.shared);
    how.cooperative = plan.tier == Tier::kGrid;
    if (plan.tier == Tier::kCluster) how.cluster = static_cast<unsigned>(plan.blocks);
    if (error == cudaSuccess) error = try_launch(how, kernel, args);
    *ran = run.first_group > 0 || !lacks_tier(plan.tier, error);
    if (!*ran) return RN_OK;
    status = check(ctx, error);
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

// Runs a layer by the cheapest of Kernels' shapes that the device has; `ran` false: by none.
template <class Kernels, class Args>
int32_t run_persistent(RnContext* ctx, const Layer& layer, bool backward, Args args, bool* ran) {
  int32_t status = RN_OK;
  Plan plan;
  *ran = false;
  while (!*ran && plan_layer(layer, backward, {Kernels::kShapes, Kernels::kCount}, &plan)) {
    describe_run(layer, plan, &args.run);
    status = launch_groups(ctx, layer, Kernels::kKernels[plan.shape], args, ran);
  }
  return status;
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_PERSISTENT_BLOCK_CUH_

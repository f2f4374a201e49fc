// Which tier, how many blocks, how many units each: see plan.cuh. Estimates of cycles choose
// between what fits, and need only order the candidates.
//
// RNNATIVE_CUDA_RECURRENCE=block,cluster,grid,steps allows some of these ways only. Without steps a
// tier that fits is taken whatever it costs, for tests and measurements; where none fits, the layer
// is left to the stepwise kernels in any case.
#include "cuda/recurrent/persistent/plan.cuh"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace rnnative::cuda {
namespace {

constexpr int32_t kWarp = 32;

// What the estimates rest on, in cycles of a multiprocessor: figures of an H100 from its documents
// and from reading the kernels, none measured yet. scripts/gpu-run.sh measures what corrects them:
// its lines `steps-WAY` are microseconds a step (times 1,900 cycles) of three layers by each way,
// beside `cost` and `stepwise` of RNNATIVE_CUDA_PLANS for the same layers.
struct Costs {
  // Of a step, whatever its size: from the sending of a version to its arrival, barriers, gate
  // math.
  int64_t block, cluster, grid;
  // Multiply-adds of a multiprocessor in a product: bf16 by tensor cores, whose operand is a batch
  // padded to 8; f32 from shared memory.
  int64_t bf16, f32;
  int64_t shared_bytes;         // a multiprocessor moves to and from shared memory
  int64_t l2_bytes, l2_at_all;  // ... gets from L2; all of them together
  // Of a stepwise step: its two launches; multiply-adds of a multiprocessor in its product; rows
  // for which R is read once from L2.
  int64_t steps, steps_bf16, steps_f32, steps_rows;
};
constexpr Costs kCosts = {
    .block = 150,
    .cluster = 700,
    .grid = 1500,
    .bf16 = 1024,
    .f32 = 80,
    .shared_bytes = 128,
    .l2_bytes = 64,
    .l2_at_all = 3200,
    .steps = 9000,
    .steps_bf16 = 512,
    .steps_f32 = 80,
    .steps_rows = 128,
};

constexpr int64_t ceil_to(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// None of the names is part of another.
bool allowed(const char* way) {
  static const char* const only = std::getenv("RNNATIVE_CUDA_RECURRENCE");
  return only == nullptr || *only == 0 || std::strstr(only, way) != nullptr;
}

// Warps along K and along the rows of R's slice.
struct Split {
  int32_t parts, groups;
};

bool split_fits(const Recurrence& what, const Shape& shape, int64_t m, int64_t k, Split split,
                Plan* plan) {
  plan->parts = split.parts;
  plan->part = static_cast<int32_t>(ceil_to((k + split.parts - 1) / split.parts, kWarp));
  plan->m = shape.rows * split.groups;
  plan->threads = kWarp * split.parts * split.groups;
  if (what.bf16 && shape.split != (what.backward && plan->part > kOneSum)) return false;
  return (shape.part == 0 || plan->part <= shape.part) && plan->m >= m &&
         plan->threads <= shape.threads;
}

// Lays out shared memory for slices of `rows` rows.
bool shared_fits(const Recurrence& what, const Machine& machine, const Shape& shape, int32_t rows,
                 Plan* plan) {
  const int64_t element = what.bf16 ? 2 : 4, warps = plan->threads / kWarp;
  plan->rows = rows;
  plan->words = rows * plan->k * element / 4;
  plan->ld = rows + 4;  // an odd multiple of 4: units side by side fall into different banks
  int64_t exchange = 2 * plan->words * 4;
  if (plan->tier == Tier::kGrid) {
    const int64_t longest = shape.part != 0 ? shape.part : plan->part;
    const int64_t chunks = ceil_to(longest, shape.chunk_k) / shape.chunk_k *
                           (ceil_to(rows, shape.chunk_rows) / shape.chunk_rows);
    const bool staged = !what.bf16 || chunks > 1;  // bf16 takes a single chunk into registers
    plan->slots = staged ? static_cast<int32_t>(std::min<int64_t>(chunks, kSlots)) : 0;
    exchange = plan->slots * shape.chunk * warps;
  }
  const int64_t weights = what.bf16 ? int64_t{plan->m} * std::max(0, shape.part - shape.resident) *
                                          plan->parts * element
                                    : int64_t{plan->m} * plan->k * element;
  const int64_t sums = int64_t{plan->parts} * plan->m * plan->ld * 4;
  const int64_t bias = ceil_to(int64_t{2} * what.gates * plan->units * 4, 128);
  for (plan->sums = plan->tier == Tier::kGrid ? 2 : 1; plan->sums > 0; --plan->sums) {
    const int64_t bias_at = ceil_to(plan->sums * sums, 128), exchange_at = bias_at + bias;
    const int64_t weights_at = exchange_at + ceil_to(exchange, 128), total = weights_at + weights;
    if (total > machine.shared) continue;
    plan->sums_at = 0;
    plan->bias_at = static_cast<int32_t>(bias_at);
    plan->exchange_at = static_cast<int32_t>(exchange_at);
    plan->weights_at = static_cast<int32_t>(weights_at);
    plan->shared = static_cast<int32_t>(total);
    return true;
  }
  return false;
}

int64_t groups_at_once(const Machine& machine, const Plan& plan) {
  int32_t log = 0;
  while (1 << log < plan.blocks) ++log;
  return plan.tier == Tier::kCluster ? machine.clusters[log]
                                     : machine.multiprocessors / plan.blocks;
}

// Cycles a step of all rows takes in the stepwise kernels, whose product reads R from L2.
int64_t stepwise_cost(const Recurrence& what, const Machine& machine) {
  const int64_t weights = what.directions * what.gates * what.hidden * what.hidden;
  const int64_t rate = machine.multiprocessors * (what.bf16 ? kCosts.steps_bf16 : kCosts.steps_f32);
  const int64_t reads = (what.batch + kCosts.steps_rows - 1) / kCosts.steps_rows;
  const int64_t read = weights * (what.bf16 ? 2 : 4) * reads / kCosts.l2_at_all;
  return kCosts.steps + std::max(weights * what.batch / rate, read);
}

// Cycles a step of the whole batch takes by a plan.
int64_t cost_of(const Recurrence& what, const Machine& machine, const Plan& plan) {
  const int64_t latency = plan.tier == Tier::kBlock     ? kCosts.block
                          : plan.tier == Tier::kCluster ? kCosts.cluster
                                                        : kCosts.grid;
  const int64_t at_once = groups_at_once(machine, plan);
  const int64_t groups = what.directions * plan.slices;
  const int64_t waves = (groups + at_once - 1) / at_once;
  const int64_t bytes = plan.words * 4;
  int64_t exchange = bytes / kCosts.l2_bytes;
  if (plan.tier == Tier::kGrid)
    exchange =
        std::max(exchange, bytes * plan.blocks * std::min(groups, at_once) / kCosts.l2_at_all);
  const int64_t product =
      int64_t{plan.m} * plan.k * plan.rows / (what.bf16 ? kCosts.bf16 : kCosts.f32);
  const int64_t sums = int64_t{plan.parts} * plan.m * plan.rows * 8 / kCosts.shared_bytes;
  return waves * (latency + exchange + product + sums);
}

// Tries slices of all sizes; keeps the cheapest.
bool try_slices(const Recurrence& what, const Machine& machine, const Shape& shape, Plan candidate,
                Plan* best, bool found) {
  const int64_t most = std::min<int64_t>(ceil_to(what.batch, kTile),
                                         int64_t{kElements} * candidate.threads / candidate.units);
  for (int32_t rows = kTile; rows <= most; rows += kTile) {
    if (!shared_fits(what, machine, shape, rows, &candidate)) break;
    candidate.slices = static_cast<int32_t>((what.batch + rows - 1) / rows);
    candidate.groups =
        candidate.tier == Tier::kGrid ? machine.multiprocessors / candidate.blocks : 0;
    candidate.cost = cost_of(what, machine, candidate);
    if (found && candidate.cost >= best->cost) continue;
    *best = candidate;
    found = true;
  }
  return found;
}

}  // namespace

bool plan_recurrence(const Recurrence& what, const Machine& machine, const Shape* shapes, int32_t n,
                     Plan* plan) {
  *plan = {};
  if (what.batch == 0 || what.hidden > 8192) return false;
  const auto padded = static_cast<int32_t>(ceil_to(what.hidden, 32));
  Plan candidate = {};
  candidate.padded = padded;
  candidate.k = what.backward ? what.gates * padded : padded;
  bool found = false;
  const auto consider = [&](Tier tier, int32_t units, int32_t blocks, Split split) {
    candidate.tier = tier;
    candidate.units = units;
    candidate.blocks = blocks;
    const int64_t m = what.backward ? units : int64_t{what.gates} * units;
    for (int32_t s = 0; s < n; ++s) {
      if (shapes[s].bf16 != what.bf16) continue;
      if ((shapes[s].threads == kAloneThreads) != (tier == Tier::kBlock)) continue;
      Split whole = split;
      if (whole.groups == 0)
        whole.groups = static_cast<int32_t>((m + shapes[s].rows - 1) / shapes[s].rows);
      candidate.shape = s;
      if (split_fits(what, shapes[s], m, candidate.k, whole, &candidate))
        found = try_slices(what, machine, shapes[s], candidate, plan, found);
    }
  };
  // As few parts as fit: their sums go through shared memory.
  if (allowed("block"))
    for (int32_t parts = 1; parts <= 8 && !found; parts *= 2)
      consider(Tier::kBlock, padded, 1, {parts, 0});
  if (!found && allowed("cluster"))
    for (int32_t log = 1; log < 5 && machine.clusters[log] > 0 && 2 << log <= padded; ++log) {
      const int32_t blocks = 1 << log;
      const auto units = static_cast<int32_t>(ceil_to((padded + blocks - 1) / blocks, 2));
      consider(Tier::kCluster, units, blocks, what.backward ? Split{8, 1} : Split{4, 2});
    }
  if (!found && machine.cooperative && allowed("grid"))
    for (int32_t units = 4; units <= 64; units += 4) {
      const int32_t blocks = (padded + units - 1) / units;
      if (blocks <= machine.multiprocessors) consider(Tier::kGrid, units, blocks, {8, 1});
    }
  plan->stepwise = stepwise_cost(what, machine);
  return found && (!allowed("steps") || plan->cost < plan->stepwise);
}

}  // namespace rnnative::cuda

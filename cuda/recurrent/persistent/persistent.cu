// The host side of the persistent recurrences: the device's limits, and the exchange's memory.
#include "cuda/recurrent/persistent/block.cuh"

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "cuda/core/program.cuh"

namespace rnnative::cuda {
namespace {

bool is_bf16(const Layer& layer) {
  return layer.precision == RN_PRECISION_BF16;
}
int64_t groups_at_once(const Layer& layer, const Plan& plan) {
  const int64_t groups = layer.directions * plan.slices;
  return plan.groups > 0 && plan.groups < groups ? plan.groups : groups;
}
size_t ring_bytes(const Layer& layer, const Plan& plan) {
  return static_cast<size_t>(groups_at_once(layer, plan) * kRing * plan.words) * sizeof(uint32_t);
}
constexpr size_t kCounterBytes = 128;

// Stands for any kernel of which a multiprocessor holds one block.
__global__ void alone_kernel() {}

// Which clusters fit depends on how many multiprocessors the chip's parts have left.
int32_t clusters_at_once(int32_t blocks, int32_t shared) {
  cudaError_t error =
      cudaFuncSetAttribute(alone_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared);
  if (error == cudaSuccess && blocks > 8)
    error = cudaFuncSetAttribute(alone_kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
  cudaLaunchAttribute attribute;
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = static_cast<unsigned>(blocks);
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(32);
  config.dynamicSmemBytes = static_cast<size_t>(shared);
  config.attrs = &attribute;
  config.numAttrs = 1;
  int count = 0;
  if (error == cudaSuccess) error = cudaOccupancyMaxActiveClusters(&count, alone_kernel, &config);
  if (error == cudaSuccess) return count;
  cudaGetLastError();
  return 0;
}

// Shares of a GPU (MIG, vGPU, MPS) have fewer multiprocessors, and need not have all launches.
Machine& machine() {
  static Machine known = [] {
    const cudaDeviceProp& properties = device().properties;
    Machine has = {properties.multiProcessorCount,
                   static_cast<int32_t>(properties.sharedMemPerBlockOptin),
                   {},
                   properties.cooperativeLaunch != 0};
    for (int32_t log = 0; log < 5 && properties.major >= 9; ++log)
      has.clusters[log] = clusters_at_once(1 << log, has.shared);
    return has;
  }();
  return known;
}

// To standard error, each once: how a layer's steps are run, and at first what the device can hold.
void tell(const char* line) {
  static std::set<std::string> told;
  if (told.insert(line).second) std::fputs(line, stderr);
}
void tell_plan(const Recurrence& what, const Shape* shapes, const Plan& plan, bool found) {
  const Machine& has = machine();
  char line[512];
  std::snprintf(
      line, sizeof line,
      "recurrence on %d multiprocessors, %d bytes of shared memory a block, clusters of 1 "
      "2 4 8 16 at once: %d %d %d %d %d, grids %s\n",
      has.multiprocessors, has.shared, has.clusters[0], has.clusters[1], has.clusters[2],
      has.clusters[3], has.clusters[4], has.cooperative ? "yes" : "no");
  tell(line);
  static constexpr const char* kNames[] = {"block", "cluster", "grid"};
  const int n = std::snprintf(
      line, sizeof line, "recurrence %s %s gates %d hidden %lld batch %lld directions %lld: ",
      what.backward ? "backward" : "forward", what.bf16 ? "bf16" : "f32", what.gates,
      static_cast<long long>(what.hidden), static_cast<long long>(what.batch),
      static_cast<long long>(what.directions));
  char* const rest = line + n;
  const size_t room = sizeof line - static_cast<size_t>(n);
  if (!found)
    std::snprintf(rest, room, "steps, stepwise %lld\n", static_cast<long long>(plan.stepwise));
  else
    std::snprintf(rest, room,
                  "%s of %d blocks, %d units by %d rows each, %d slices, %d threads, %d parts of K "
                  "of %d in a kernel for %d, %d bytes, cost %lld, stepwise %lld\n",
                  kNames[static_cast<int32_t>(plan.tier)], plan.blocks, plan.units, plan.rows,
                  plan.slices, plan.threads, plan.parts, plan.part, shapes[plan.shape].part,
                  plan.shared, static_cast<long long>(plan.cost),
                  static_cast<long long>(plan.stepwise));
  tell(line);
}

// What the device can hold.
const BeforeRecording kLookAtMachine([] { machine(); });

}  // namespace

bool plan_layer(const Layer& layer, bool backward, const PersistentKernels& kernels, Plan* plan) {
  if (layer.sequence->tokens == 0) return false;
  if ((layer.phases & ~kPersistentPhases) != 0 || layer.state != layer.hidden || layer.norm)
    return false;
  const CellTraits cell = traits_of(layer.cell);
  // A second product waits for the first of all units: two exchanges a step.
  if (cell.products == 2 || cell.slots > kMaxGates || cell.options) return false;
  const Recurrence what = {is_bf16(layer),
                           backward,
                           static_cast<int32_t>(cell.gates),
                           layer.hidden,
                           layer.sequence->rows.batch,
                           layer.directions};
  const bool found = plan_recurrence(what, machine(), kernels.shapes, kernels.count, plan);
  static const char* const wanted = std::getenv("RNNATIVE_CUDA_PLANS");
  if (wanted != nullptr && *wanted != 0) tell_plan(what, kernels.shapes, *plan, found);
  return found;
}

bool lacks_tier(Tier tier, cudaError_t error) {
  const bool lacks = error == cudaErrorCooperativeLaunchTooLarge ||
                     error == cudaErrorInvalidClusterSize || error == cudaErrorNotSupported ||
                     error == cudaErrorLaunchOutOfResources;
  if (!lacks || tier == Tier::kBlock) return false;
  cudaGetLastError();
  if (tier == Tier::kGrid) machine().cooperative = false;
  if (tier == Tier::kCluster)
    for (int32_t& count : machine().clusters) count = 0;
  return true;
}

void describe_run(const Layer& layer, const Plan& plan, PersistentRun* run) {
  const CellTraits cell = traits_of(layer.cell);
  run->plan = plan;
  run->cell = layer.cell;
  run->gates = static_cast<int32_t>(cell.gates);
  run->slots = static_cast<int32_t>(cell.slots);
  run->reads_h = cell.carries_h;
  run->hidden = layer.hidden;
  run->directions = layer.directions;
  run->tokens = layer.sequence->tokens;
  run->rows = layer.sequence->rows;
  run->last_words = device().last_words;
  for (int64_t d = 0; d < layer.directions; ++d)
    run->w_hh[d] = static_cast<const float*>(layer.w_hh[d].data);
}

int32_t allocate_ring(RnContext* ctx, const Layer& layer, PersistentRun* run) {
  if (run->plan.tier != Tier::kGrid) return RN_OK;
  const size_t bytes = ring_bytes(layer, run->plan);
  const auto groups = static_cast<size_t>(groups_at_once(layer, run->plan));
  auto* const memory = static_cast<char*>(scratch(ctx, bytes + groups * kCounterBytes + kOverrun));
  if (memory == nullptr) return RN_ERR_OUT_OF_MEMORY;
  run->ring = reinterpret_cast<uint32_t*>(memory);
  run->counters = reinterpret_cast<uint32_t*>(memory + bytes);
  return RN_OK;
}

int32_t clear_ring(RnContext* ctx, const Layer& layer, const PersistentRun& run) {
  if (run.plan.tier != Tier::kGrid) return RN_OK;
  static_assert(kMissing == 0xffffffffu);
  const int32_t status =
      check(ctx, cudaMemsetAsync(run.ring, 0xff, ring_bytes(layer, run.plan), device().stream));
  if (status != RN_OK) return status;
  const auto groups = static_cast<size_t>(groups_at_once(layer, run.plan));
  return check(ctx, cudaMemsetAsync(run.counters, 0, groups * kCounterBytes, device().stream));
}

}  // namespace rnnative::cuda

// The mixture of a pointer-generator, and its losses; the formulas are in the reference. A warp
// goes along the positions of a row at one step. What a row has for one word is formed in double.
#include <algorithm>
#include <cmath>

#include "cuda/core/block.cuh"
#include "cuda/core/elements.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

constexpr int kWarps = 4;  // of a block

__device__ double log_logistic(double x) {
  return fmin(x, 0.0) - log1p(exp(-fabs(x)));
}

// b is not -inf.
__device__ double log_add(double a, double b) {
  return a < b ? b + log1p(exp(a - b)) : a + log1p(exp(b - a));
}

// One row at one step.
struct Item {
  int64_t stride, length;
  const int32_t* ids;
  const float* weights;
  double gate;

  __device__ Item(const RnPointer& p, int64_t at) {
    const int64_t source = at % p.batch / (p.batch / p.sources);
    stride = p.sources;
    length = p.memory_lengths != nullptr ? p.memory_lengths[source] : p.positions;
    ids = p.ids + source;
    weights = static_cast<const float*>(p.weights) + at * p.positions;
    gate = length > 0 ? static_cast<const float*>(p.gates)[at] : RN_POINTER_WRITTEN;
  }
  __device__ int32_t id(int64_t j) const { return ids[j * stride]; }
};

struct Loss {
  double mass, loss, share;
};

// By a warp, of a target that is not negative.
__device__ Loss loss_of(const RnPointerLosses& args, const Item& item, int64_t at) {
  const int32_t target = args.targets[at];
  double mass = 0;
  for (int64_t j = threadIdx.x; j < item.length; j += kWarpSize)
    if (item.id(j) == target) mass += static_cast<double>(item.weights[j]);
  mass = warp_reduce(mass, Add{});
  const double b = log_logistic(-item.gate) + log(fmax(mass, RN_POINTER_LEAST));
  if (target >= args.of.vocabulary) return {mass, -b, 0};
  const double a =
      log_logistic(item.gate) - static_cast<double>(static_cast<const float*>(args.generated)[at]);
  if (mass == 0) return {0, -a, 1};
  const double loss = -log_add(a, b);
  return {mass, loss, exp(a + loss)};
}

__device__ __forceinline__ int64_t first_item() {
  return static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.y;
}
__device__ __forceinline__ int64_t item_stride() {
  return static_cast<int64_t>(gridDim.x) * kWarps;
}

__global__ void losses_kernel(RnPointerLosses args) {
  auto* losses = static_cast<float*>(args.losses);
  for (int64_t at = first_item(); at < args.of.time * args.of.batch; at += item_stride()) {
    double loss = 0;
    if (args.targets[at] >= 0) loss = loss_of(args, Item(args.of, at), at).loss;
    if (threadIdx.x == 0) losses[at] = static_cast<float>(loss);
  }
}

__global__ void backward_kernel(RnPointerLossesBackward args) {
  const RnPointer& p = args.forward.of;
  for (int64_t at = first_item(); at < p.time * p.batch; at += item_stride()) {
    const int32_t target = args.forward.targets[at];
    const Item item(p, at);
    double share = 0, gate = 0, slope = 0;
    if (target >= 0) {
      const Loss made = loss_of(args.forward, item, at);
      const double dy = static_cast<double>(static_cast<const float*>(args.dlosses)[at]);
      share = made.share * dy;
      if (item.length > 0) gate = (exp(log_logistic(item.gate)) - made.share) * dy;
      if (made.mass >= RN_POINTER_LEAST) slope = -exp(log_logistic(-item.gate) + made.loss) * dy;
    }
    if (threadIdx.x == 0) {
      put(args.dgenerated, at, static_cast<float>(share));
      put(args.dgates, at, static_cast<float>(gate));
    }
    for (int64_t j = threadIdx.x; j < p.positions; j += kWarpSize) {
      const bool copied = target >= 0 && j < item.length && item.id(j) == target;
      put(args.dweights, at * p.positions + j, copied ? static_cast<float>(slope) : 0.0f);
    }
  }
}

__global__ void written_kernel(RnPointerMixture args) {
  const auto* logs = static_cast<const float*>(args.logs);
  auto* y = static_cast<float*>(args.y);
  each_element(args.of.batch, args.width, [&](int64_t row, int64_t word) {
    const bool known = word < args.of.vocabulary;
    y[row * args.width + word] = known
                                     ? logs[row * args.of.vocabulary + word] +
                                           static_cast<float>(log_logistic(Item(args.of, row).gate))
                                     : -INFINITY;
  });
}

// The first position of a word adds up those of all.
__global__ void copied_kernel(RnPointerMixture args) {
  auto* y = static_cast<float*>(args.y);
  each_element(args.of.batch, args.of.positions, [&](int64_t row, int64_t position) {
    const Item item(args.of, row);
    if (position >= item.length) return;
    const int32_t word = item.id(position);
    for (int64_t j = 0; j < position; ++j)
      if (item.id(j) == word) return;
    double mass = 0;
    for (int64_t j = position; j < item.length; ++j)
      if (item.id(j) == word) mass += static_cast<double>(item.weights[j]);
    if (mass == 0) return;
    float* const to = y + row * args.width + word;
    *to =
        static_cast<float>(log_add(static_cast<double>(*to), log_logistic(-item.gate) + log(mass)));
  });
}

// A warp to an item.
Launch by_item(int64_t items) {
  Launch how;
  const int64_t resident = int64_t{device().properties.multiProcessorCount} * 16;
  how.grid = dim3(static_cast<unsigned>(std::min(ceil_div(items, kWarps), resident)));
  how.block = dim3(kWarpSize, kWarps);
  return how;
}

int32_t check_sources(RnContext* ctx, const RnPointer& p) {
  return check_lengths(ctx, p.memory_lengths, p.sources, p.positions);
}

}  // namespace

int32_t pointer_losses(RnContext* ctx, const RnPointerLosses* args) {
  const int32_t status = check_sources(ctx, args->of);
  const int64_t items = args->of.time * args->of.batch;
  if (status != RN_OK || items == 0) return status;
  return launch(ctx, by_item(items), losses_kernel, *args);
}

int32_t pointer_losses_backward(RnContext* ctx, const RnPointerLossesBackward* args) {
  const int32_t status = check_sources(ctx, args->forward.of);
  const int64_t items = args->forward.of.time * args->forward.of.batch;
  if (status != RN_OK || items == 0) return status;
  return launch(ctx, by_item(items), backward_kernel, *args);
}

int32_t pointer_mixture(RnContext* ctx, const RnPointerMixture* args) {
  const RnPointer& p = args->of;
  int32_t status = check_sources(ctx, p);
  if (status == RN_OK)
    status = check_indices(ctx, "id", p.ids, p.positions * p.sources, args->width - 1);
  if (status != RN_OK || p.batch == 0) return status;
  status = launch(ctx, over_elements(p.batch, args->width), written_kernel, *args);
  if (status != RN_OK || p.positions == 0) return status;
  return launch(ctx, over_elements(p.batch, p.positions), copied_kernel, *args);
}

}  // namespace rnnative::cuda

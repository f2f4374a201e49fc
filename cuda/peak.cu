// What this device can do at best in f32: chains of fused multiply-adds that never leave the
// registers, as many as hide each other's latency, on every multiprocessor. Clocks change and
// devices are shared, so the time is cut into windows and the best window counts.
#include <algorithm>

#include "cuda/core/device.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {

RN_DECLARE_OPS

namespace {

constexpr int kChains = 16;
constexpr int kThreads = 256;
constexpr double kWindow = 0.02;  // seconds

// x = x * a + b in every chain; `sink` is written so that the chains count as used.
__global__ void __launch_bounds__(kThreads)
    chains_kernel(int64_t steps, float a, float b, float* sink) {
  float x[kChains];
#pragma unroll
  for (int c = 0; c < kChains; ++c) x[c] = static_cast<float>(threadIdx.x + c);
#pragma unroll 16
  for (int64_t step = 0; step < steps; ++step) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) x[c] = fmaf(x[c], a, b);
  }
  float sum = 0;
#pragma unroll
  for (int c = 0; c < kChains; ++c) sum += x[c];
  if (sum == -1) *sink = sum;  // never: all are positive
}

struct Events {
  cudaEvent_t begin = nullptr, end = nullptr;
  cudaError_t create() {
    const cudaError_t error = cudaEventCreate(&begin);
    return error == cudaSuccess ? cudaEventCreate(&end) : error;
  }
  ~Events() {
    if (begin != nullptr) cudaEventDestroy(begin);
    if (end != nullptr) cudaEventDestroy(end);
  }
};

// GFLOP/s, and the seconds they took.
int32_t time_chains(RnContext* ctx, const Events& events, int64_t steps, float* sink,
                    double* gflops, double* seconds) {
  Launch how;
  how.grid = dim3(static_cast<unsigned>(device().properties.multiProcessorCount * 8));
  how.block = dim3(kThreads);
  float milliseconds = 0;
  int32_t status = check(ctx, cudaEventRecord(events.begin, device().stream));
  if (status == RN_OK) status = launch(ctx, how, chains_kernel, steps, 0.999f, 0.001f, sink);
  if (status == RN_OK) status = check(ctx, cudaEventRecord(events.end, device().stream));
  if (status == RN_OK) status = check(ctx, cudaEventSynchronize(events.end));
  if (status == RN_OK)
    status = check(ctx, cudaEventElapsedTime(&milliseconds, events.begin, events.end));
  if (status != RN_OK) return status;
  *seconds = milliseconds * 1e-3;
  if (*seconds <= 0) return fail(ctx, RN_ERR_UNSUPPORTED, "the device's clock stands still");
  *gflops = 2e-9 * kChains * kThreads * how.grid.x * static_cast<double>(steps) / *seconds;
  return RN_OK;
}

}  // namespace

int32_t peak(RnContext* ctx, const RnPeak* args) {
  Events events;
  int32_t status = check(ctx, events.create());
  if (status != RN_OK) return status;
  auto* gflops = static_cast<float*>(args->gflops);
  const double window = std::min(args->seconds, kWindow);
  double rate = 0, seconds = 0, best = 0, total = 0;
  // The first runs find how many steps fill a window; clocks rise meanwhile.
  for (int64_t steps = 256; total < args->seconds || best == 0;) {
    status = time_chains(ctx, events, steps, gflops, &rate, &seconds);
    if (status != RN_OK) return status;
    best = std::max(best, rate);
    total += seconds;
    if (seconds < window) steps *= 2;
  }
  const RnFill result = {gflops, 1, best};
  return fill(ctx, &result);
}

}  // namespace rnnative::cuda

// What this processor can do at best: chains of fused multiply-adds that never leave the registers
// and wait for nothing but each other, as many as a micro-kernel holds sums. Speeds elsewhere are
// stated as a part of this. Clocks change and machines are shared, so time is cut into windows that
// all threads share, and the best window counts.
#include <time.h>

#include "native/abi/backend.h"
#include "native/cpu/core/parallel.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kSteps = 1 << 13;  // between two looks at the clock: about 15 us
constexpr double kWindow = 0.02;     // seconds
constexpr int64_t kCacheLine = 16;   // floats

// x = x * a + b in every chain: the product depends on the chain, so that it is not hoisted.
void run_chains(vf* sums) {
  const vf a = splat(0.999f), b = splat(0.001f);
  vf chain[kAccumulators];
#pragma GCC unroll 32
  for (int i = 0; i < kAccumulators; ++i) chain[i] = sums[i];
  for (int64_t step = 0; step < kSteps; ++step) {
#pragma GCC unroll 32
    for (int i = 0; i < kAccumulators; ++i) chain[i] = fma(chain[i], a, b);
  }
#pragma GCC unroll 32
  for (int i = 0; i < kAccumulators; ++i) sums[i] = chain[i];
}

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

// GFLOP/s of this thread over one window.
double run_window(double seconds, vf* sums) {
  const double begin = now();
  double flops = 0, elapsed = 0;
  do {
    run_chains(sums);
    __asm__ volatile("" : : "r"(sums) : "memory");  // the sums count as used
    flops += 2.0 * kSteps * kAccumulators * kLanes;
    elapsed = now() - begin;
  } while (elapsed < seconds);
  return flops / elapsed * 1e-9;
}

}  // namespace

int32_t peak(RnContext* ctx, const RnPeak* args) {
  float* rates = scratch_floats(ctx, ctx->threads * kCacheLine);
  if (rates == nullptr) return RN_ERR_OUT_OF_MEMORY;
  const double window = args->seconds < kWindow ? args->seconds : kWindow;
  const int64_t windows = (int64_t)(args->seconds / kWindow) + 1;
  Barrier barrier;
  double best = 0;
  parallel_team(ctx, [&](int thread, int threads) {
    vf sums[kAccumulators];
    for (int i = 0; i < kAccumulators; ++i) sums[i] = splat((float)i);
    for (int64_t w = 0; w < windows; ++w) {
      barrier.wait(threads);
      rates[thread * kCacheLine] = (float)run_window(window, sums);
      barrier.wait(threads);
      if (thread != 0) continue;
      double total = 0;
      for (int t = 0; t < threads; ++t) total += rates[t * kCacheLine];
      if (total > best) best = total;
    }
  });
  *(float*)args->gflops = (float)best;
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

// How kernels use the engine's team. Every region asks for the whole of it (ctx->threads); a kernel
// with little work runs serially instead, or lets the surplus threads idle. Results never depend on
// the number of threads: work is split over outputs, or over blocks whose size comes from the
// shapes.
#ifndef RNNATIVE_CPU_CORE_PARALLEL_H_
#define RNNATIVE_CPU_CORE_PARALLEL_H_

#include <stdint.h>

#include "native/abi/backend.h"
#include "native/cpu/simd/simd.h"
#include "native/runtime/sleep.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct Range {
  int64_t begin, end;
};

// Part `index` of 0..n cut into `parts` contiguous ranges whose sizes differ by at most `unit`;
// every begin is a multiple of `unit`.
RN_INLINE Range split(int64_t n, int64_t parts, int64_t index, int64_t unit = 1) {
  const int64_t units = (n + unit - 1) / unit;
  const int64_t begin = units * index / parts * unit;
  const int64_t end = units * (index + 1) / parts * unit;
  return {begin < n ? begin : n, end < n ? end : n};
}

// body(thread, threads) on each thread of the team. `threads` is what the system granted.
template <class Body>
void parallel_team(RnContext* ctx, const Body& body) {
  if (ctx->threads <= 1) {
    body(0, 1);
    return;
  }
  const auto call = [](void* argument, int32_t thread, int32_t threads) {
    (*(const Body*)argument)(thread, threads);
  };
  ctx->parallel(ctx->threads, call, (void*)&body);
}

// body(begin, end) over contiguous ranges that cover 0..n, one a thread; on the calling thread
// alone when n <= grain. For loops whose iterations write different places.
template <class Body>
void parallel_for(RnContext* ctx, int64_t n, int64_t grain, const Body& body) {
  if (n <= 0) return;
  if (ctx->threads <= 1 || n <= grain) {
    body((int64_t)0, n);
    return;
  }
  parallel_team(ctx, [&](int thread, int threads) {
    const Range r = split(n, threads, thread);
    if (r.begin < r.end) body(r.begin, r.end);
  });
}

// A barrier for steps of a few microseconds. It spins for a bounded time and then sleeps: on a
// machine with fewer free cores than threads a thread that waits leaves its core at once, and being
// woken it goes before those that compute all the time. (Yielding instead, it would come back only
// after the others' whole time slice: training beside two busy processes was 20 times slower.)
struct Barrier {
  alignas(64) int32_t arrived = 0;
  alignas(64) uint32_t phase = 0;
  uint32_t sleepers = 0;

  void wait(int32_t threads) {
    if (threads <= 1) return;
    const uint32_t before = __atomic_load_n(&phase, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == threads) {
      __atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&phase, before + 1, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(&sleepers, __ATOMIC_SEQ_CST) > 0) wake_sleepers(&phase);
      return;
    }
    for (int spins = 0; spins < kSpins; ++spins) {
      if (__atomic_load_n(&phase, __ATOMIC_ACQUIRE) != before) return;
      pause();
    }
    __atomic_add_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&phase, __ATOMIC_SEQ_CST) == before) sleep_while(&phase, before);
    __atomic_sub_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
  }

 private:
  static constexpr int kSpins = 4000;
};

// Scratch for n floats, 64-byte aligned, or NULL. Call it outside of parallel regions.
RN_INLINE float* scratch_floats(RnContext* ctx, int64_t n) {
  return (float*)ctx->scratch(ctx->runtime, (size_t)(n > 0 ? n : 1) * sizeof(float));
}

// Releases at its end the scratch, and the packed forms that pass, that were taken since its
// beginning.
class ScratchScope {
 public:
  explicit ScratchScope(RnContext* ctx) : ctx_(ctx), held_(ctx->held(ctx->runtime)) {}
  ~ScratchScope() { ctx_->release(ctx_->runtime, held_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  RnContext* ctx_;
  size_t held_;
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_PARALLEL_H_

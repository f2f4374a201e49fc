// How the team shares the steps of a sequence. It forms a grid: groups share the rows (each has a
// part of them; of a ragged batch, whose later steps have only the first rows, tiles are dealt out
// in turn), members of a group share the panels of the weight. Rows are independent of each other,
// so groups never wait for one another; members meet at a barrier after each phase of a step.
#ifndef RNNATIVE_CPU_RECURRENT_TEAM_H_
#define RNNATIVE_CPU_RECURRENT_TEAM_H_

#include "native/cpu/core/parallel.h"
#include "native/cpu/gemm/kernel.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct TeamGrid {
  int groups, members;
};
struct Place {
  int group, groups, member, members;
  int64_t batch;
  bool dense;
};
RN_INLINE int64_t tile_count(int64_t rows, int64_t tile_rows) {
  return (rows + tile_rows - 1) / tile_rows;
}

// What a product of a step looks like to the planner.
struct StepShape {
  int64_t rows, turns, panels;  // turns over k: gemm/element.h
  int tile_rows, vectors;
  int element_bytes;  // of the weight: a column's in a turn
  bool dense;         // every step has all rows
};

// Weights of a thread up to this size stay in its L2 cache from step to step: it has 1 MiB, or 512
// KiB.
constexpr int64_t kNearBytes = kStreamsFromL2 ? 768 << 10 : 384 << 10;

// Chooses the grid with the least estimated cycles per step: multiply-adds at two a cycle, or
// fetching the weights from L2 or beyond, plus the barrier. Costs are rough; only their order
// matters.
constexpr int kMostThreads = 64;
inline TeamGrid plan_grid(const StepShape& s, int threads) {
  constexpr double kBarrier = 4000, kLatency = 4, kNear = 24, kFar = 8;
  TeamGrid best = {1, 1};
  double least = 0;
  if (threads > kMostThreads) threads = kMostThreads;
  for (int groups = 1; groups <= threads; ++groups)
    for (int members = 1; groups * members <= threads; ++members) {
      const int64_t rows = s.dense ? (s.rows + groups - 1) / groups : s.rows;
      const int64_t tiles = tile_count(rows, s.tile_rows);
      const int64_t own = s.dense ? tiles : (tiles + groups - 1) / groups;
      // A short tile is bound by the latency of its few sums.
      const double sums = (double)rows / tiles * s.vectors;
      const double turn = sums < 2 * kLatency ? kLatency : sums / 2;
      const int64_t panels = (s.panels + members - 1) / members;
      const double bytes = (double)panels * s.turns * s.vectors * kLanes * s.element_bytes;
      const double compute = (double)panels * own * s.turns * turn;
      const double fetch = bytes / (bytes <= kNearBytes ? kNear : kFar);
      const double cycles = (compute > fetch ? compute : fetch) + (members > 1 ? kBarrier : 0);
      if (groups * members == 1 || cycles < least) {
        least = cycles;
        best = {groups, members};
      }
    }
  return best;
}
RN_INLINE Place place_of(const TeamGrid& grid, int thread, const StepShape& shape) {
  return {thread / grid.members, grid.groups, thread % grid.members,
          grid.members,          shape.rows,  shape.dense};
}

// Rows that a thread takes through a panel at a time, and its buffer for their sums.
constexpr int64_t kRowChunk = 144;
constexpr int64_t kSumFloats = kRowChunk * 4 * kLanes;

// body(place, sums, sync) on each thread that the grid uses, sums being kSumFloats of its own;
// sync() is the barrier of its group.
template <class Body>
int32_t run_grid(RnContext* ctx, const StepShape& shape, const Body& body) {
  const ScratchScope scope(ctx);
  float* sums = scratch_floats(ctx, kSumFloats * ctx->threads);
  if (!sums) return RN_ERR_OUT_OF_MEMORY;
  Barrier barriers[kMostThreads];
  const auto plan = [&](int threads) { return plan_grid(shape, threads); };
  const auto run = [&](int thread, const TeamGrid& grid) {
    if (thread >= grid.groups * grid.members) return;
    const Place place = place_of(grid, thread, shape);
    Barrier* barrier = &barriers[place.group];
    body(place, sums + thread * kSumFloats, [=] { barrier->wait(place.members); });
  };
  const TeamGrid grid = plan(ctx->threads);
  if (grid.groups * grid.members == 1) {
    run(0, grid);
  } else {
    // The system may grant fewer threads than were asked for.
    parallel_team(ctx, [&](int thread, int threads) { run(thread, plan(threads)); });
  }
  return RN_OK;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_TEAM_H_

// What the forward and the backward pass of the recurrent stack share.
#ifndef RNNATIVE_CPU_RECURRENT_H_
#define RNNATIVE_CPU_RECURRENT_H_

#include "native/cpu/cells/gru.h"
#include "native/cpu/cells/gru_reset_before.h"
#include "native/cpu/cells/lstm.h"
#include "native/cpu/cells/rnn.h"
#include "native/cpu/recurrent_layout.h"
#include "native/cpu/recurrent_sequence.h"
#include "native/cpu/recurrent_step.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Calls body.template operator()<Cell>().
template <class Body>
auto with_cell(int32_t cell, const Body& body) {
  switch (cell) {
    case RN_RNN_TANH: return body.template operator()<Rnn<false>>();
    case RN_RNN_RELU: return body.template operator()<Rnn<true>>();
    case RN_LSTM: return body.template operator()<Lstm>();
    case RN_GRU: return body.template operator()<Gru>();
    default: return body.template operator()<GruResetBefore>();
  }
}

// Kinds of packed forms: a weight may serve cells of different types. 1 and 2 are the GEMM's.
enum PackedForm { kPackedInput = 0, kPackedForward = 1, kPackedBackward = 5 };
RN_INLINE uint32_t packed_kind(int32_t cell, int form) { return 64 + (uint32_t)cell * 16 + (uint32_t)form; }

inline float* packed_weight(RnContext* ctx, const RnWeight& w, uint32_t kind, int64_t floats,
                            int32_t* fresh) {
  return (float*)ctx->packed(ctx->runtime, w.id, w.version, kind, (size_t)floats * sizeof(float), fresh);
}

RN_INLINE RnWeight plain(const float* data) { return {data, 0, 0}; }

// body(place, sums, sync) on each thread that the grid uses; sync() is the barrier of its group.
struct Barriers {
  static constexpr int kMost = 64;  // groups; more threads than that share the last ones' work
  Barrier of_group[kMost];
};
template <class Body>
int32_t run_grid(RnContext* ctx, const StepShape& shape, const Body& body) {
  float* sums = scratch_floats(ctx, kSumFloats * ctx->threads);
  if (!sums) return RN_ERR_OUT_OF_MEMORY;
  Barriers barriers;
  const auto run = [&](int thread, int threads) {
    const TeamGrid grid = plan_grid(shape, threads < Barriers::kMost ? threads : Barriers::kMost);
    if (thread >= grid.groups * grid.members) return;
    const Place place = place_of(grid, thread);
    Barrier* barrier = &barriers.of_group[place.group];
    body(place, sums + thread * kSumFloats, [=] { barrier->wait(place.members); });
  };
  const TeamGrid whole = plan_grid(shape, ctx->threads < Barriers::kMost ? ctx->threads : Barriers::kMost);
  if (whole.groups * whole.members == 1) {
    run(0, 1);
  } else {
    parallel_team(ctx, run);
  }
  return RN_OK;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_H_

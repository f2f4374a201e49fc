// Zoneout (RnRecurrentDesc), for every cell: where a step puts a state that its cell has made, a
// part of each unit is the state before the step. Backward, what reaches the state is cut likewise:
// the cell's share, and what passes by it to the step before. Masks are drawn for all tokens of a
// layer and direction at once, a byte a unit, so that steps only read them; backward draws them
// again.
#ifndef RNNATIVE_CPU_RECURRENT_PHASES_ZONEOUT_H_
#define RNNATIVE_CPU_RECURRENT_PHASES_ZONEOUT_H_

#include "native/cpu/recurrent/dropout.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Of a state. A step meets it from its first row on.
struct Zone {
  bool present;
  float share;          // kept of every unit where nothing is drawn
  const uint8_t* kept;  // [rows, stride] drawn: 1 or 0; or NULL
  float* passed;        // backward: [B, stride] by sorted row, from step to step

  Zone from(int64_t at) const { return {present, share, kept ? kept + at : nullptr, passed}; }
};
struct Zoneout {
  Zone h, c;
};

inline vf kept_share(const Zone& z, int64_t at) {
  if (!z.kept) return splat(z.share);
  uint8_t bytes __attribute__((vector_size(kLanes)));
  memcpy(&bytes, z.kept + at, kLanes);
  return __builtin_convertvector(bytes, vf);
}

// Not inlined: layers without it should be short.
__attribute__((noinline)) inline vf zone_state(const Zone& z, int64_t at, vf made, vf before) {
  const vf m = kept_share(z, at);
  return fma(m, before, (1.0f - m) * made);
}
// What is the cell's of a gradient d of the state after a step, the later steps' own `passed` added
// where there are any.
__attribute__((noinline)) inline vf zone_gradient(const Zone& z, int64_t at, bool continues, vf d) {
  float* passed = z.passed + at;
  const vf m = kept_share(z, at), all = continues ? d + load(passed) : d;
  store(passed, m * all);
  return (1.0f - m) * all;
}

// False: no memory.
inline bool start_zone(RnContext* ctx, const RnRecurrentDesc& desc, const Sequence& q, int64_t run,
                       int64_t stride, int phase, bool backward, Zone* out) {
  const double p = desc.amounts[phase];
  *out = {};
  if (p <= 0) return true;
  out->present = true;
  out->share = (float)p;
  if (backward) {
    out->passed = scratch_floats(ctx, q.batch * stride);
    if (!out->passed) return false;
  }
  if (!desc.draws) return true;
  auto* kept = (uint8_t*)ctx->scratch(ctx->runtime, (size_t)(q.rows * stride));
  if (!kept) return false;
  const int stream = (int)rn_phase_stream(&desc, phase);
  const int64_t width = rn_zoneout_width(&desc, phase);
  const uint32_t threshold = drop_threshold(p);
  parallel_for(ctx, q.steps, 4096 / (q.batch * stride + 1), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t r = 0; r < q.active(t); ++r) {
        uint8_t* row = kept + (q.offset[t] + r) * stride;
        each_word(desc.random, stream, (uint64_t)q.order[r],
                  rn_zoneout_element(&desc, phase, t, run), width,
                  [=](int64_t i, uint32_t word) { row[i] = (word >> 8) < threshold; });
        memset(row + width, 0, (size_t)(stride - width));
      }
  });
  out->kept = kept;
  return true;
}
inline bool start_zoneout(RnContext* ctx, const RnRecurrentDesc& desc, const Sequence& q,
                          int64_t run, int64_t h_stride, int64_t stride, bool backward,
                          Zoneout* out) {
  return start_zone(ctx, desc, q, run, h_stride, RN_PHASE_ZONEOUT_HIDDEN, backward, &out->h) &&
         start_zone(ctx, desc, q, run, stride, RN_PHASE_ZONEOUT_CELL, backward, &out->c);
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_PHASES_ZONEOUT_H_

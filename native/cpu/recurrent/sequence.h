// A ragged batch as a sequence of dense steps. Rows are sorted by length, longest first (stable),
// so that the rows active at a step are the first ones; packed row offset[t] + r is step t of
// sorted row r. Work is then proportional to real tokens, padding is never touched, and without
// lengths the packed rows are the rows of [T, B, ...] as they lie.
#ifndef RNNATIVE_CPU_RECURRENT_SEQUENCE_H_
#define RNNATIVE_CPU_RECURRENT_SEQUENCE_H_

#include "native/cpu/core/indices.h"
#include "native/cpu/core/parallel.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct Sequence {
  int64_t time, batch;
  int64_t steps;          // the longest length
  int64_t rows;           // real tokens: packed rows
  bool dense;             // packed rows are the rows of [T, B]
  const int32_t* order;   // [B] sorted row -> batch row
  const int32_t* length;  // [B] of sorted rows
  const int64_t* offset;  // [steps + 1]

  int64_t active(int64_t t) const { return t < 0 || t >= steps ? 0 : offset[t + 1] - offset[t]; }
  // Step s of a direction's own order, as an index into time. Rows leave (or, backward, join) at
  // the end of the sorted order.
  int64_t time_of(int64_t s, int direction) const { return direction == 0 ? s : steps - 1 - s; }
  // The packed row where sorted row r starts in its direction's own order.
  int64_t first_row(int64_t r, int direction) const {
    return offset[direction == 0 ? 0 : length[r] - 1] + r;
  }
};

// RN_ERR_INDEX for a length outside 0..time.
inline int32_t make_sequence(RnContext* ctx, const int32_t* lengths, int64_t time, int64_t batch,
                             Sequence* out) {
  if (lengths) {
    const int32_t status = check_indices(ctx, "length", lengths, batch, time);
    if (status != RN_OK) return status;
  }
  const size_t bytes = (size_t)(time + 2) * sizeof(int64_t) + (size_t)batch * 2 * sizeof(int32_t);
  int64_t* offset = (int64_t*)ctx->scratch(ctx->runtime, bytes);
  if (!offset) return RN_ERR_OUT_OF_MEMORY;
  int32_t* order = (int32_t*)(offset + time + 2);
  int32_t* length = order + batch;

  // Counting sort: begin[l] is where rows of length l go, longest first.
  int64_t* begin = offset;
  for (int64_t l = 0; l <= time + 1; ++l) begin[l] = 0;
  const auto length_of = [=](int64_t b) { return lengths ? (int64_t)lengths[b] : time; };
  for (int64_t b = 0; b < batch; ++b) ++begin[length_of(b)];
  for (int64_t l = time, sum = 0; l >= 0; --l) {
    const int64_t count = begin[l];
    begin[l] = sum;
    sum += count;
  }
  bool dense = true;
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t l = length_of(b), r = begin[l]++;
    order[r] = (int32_t)b;
    length[r] = (int32_t)l;
    dense &= l == time;
  }
  const int64_t steps = batch > 0 ? length[0] : 0;
  // Rows active at step t: those longer than t.
  int64_t active = batch, rows = 0;
  for (int64_t t = 0; t < steps; ++t) {
    while (active > 0 && length[active - 1] <= t) --active;
    offset[t] = rows;
    rows += active;
  }
  offset[steps] = rows;
  *out = {time, batch, steps, rows, dense, order, length, offset};
  return RN_OK;
}

// Copies rows of [T, B, width] into packed order, packed rows `stride` floats apart. Padding is not
// touched.
inline void gather_rows(RnContext* ctx, const Sequence& s, int64_t width, const float* from,
                        float* to, int64_t stride) {
  parallel_for(ctx, s.steps, 16384 / (s.batch * width + 1), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t r = 0; r < s.active(t); ++r)
        memcpy(to + (s.offset[t] + r) * stride, from + (t * s.batch + s.order[r]) * width,
               (size_t)width * sizeof(float));
  });
}
// The opposite, packed rows side by side: writes them, or adds them.
inline void scatter_rows(RnContext* ctx, const Sequence& s, int64_t width, const float* from,
                         float* to, bool add) {
  parallel_for(ctx, s.steps, 16384 / (s.batch * width + 1), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t r = 0; r < s.active(t); ++r) {
        const float* source = from + (s.offset[t] + r) * width;
        float* target = to + (t * s.batch + s.order[r]) * width;
        if (add) {
          for (int64_t i = 0; i < width; ++i) target[i] += source[i];
        } else {
          memcpy(target, source, (size_t)width * sizeof(float));
        }
      }
  });
}

// Zeroes the padded rows of [T, B, width].
inline void clear_padding(const Sequence& s, int64_t width, float* data) {
  for (int64_t t = 0; t < s.time; ++t)
    for (int64_t r = s.active(t); r < s.batch; ++r)
      memset(data + (t * s.batch + s.order[r]) * width, 0, (size_t)width * sizeof(float));
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_SEQUENCE_H_

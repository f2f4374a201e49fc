// Dropout between layers, in place on packed rows [N, width]. A mask word belongs to the original
// batch row and time (RnRecurrentDesc.random), so the mask is the same however the batch is sorted,
// and is drawn again in backward instead of being stored.
#ifndef RNNATIVE_CPU_RECURRENT_DROPOUT_H_
#define RNNATIVE_CPU_RECURRENT_DROPOUT_H_

#include <math.h>

#include "native/cpu/core/random_words.h"
#include "native/cpu/recurrent/sequence.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// put(i, word) for elements first + i of a sample, i below `width`; `stream` further than `random`.
template <class Put>
RN_INLINE void each_word(const RnRandom& random, int stream, uint64_t sample, int64_t first,
                         int64_t width, const Put& put) {
  uint32_t words[kRandomWords];
  for (int64_t i = 0; i < width;) {
    const int64_t skip = (first + i) & 3, rest = width - i + skip;
    const int64_t drawn = rest < kRandomWords ? rest : kRandomWords;
    random_words(random, (uint32_t)stream, sample, (uint64_t)(first + i) >> 2, drawn, words);
    for (int64_t w = skip; w < drawn; ++w, ++i) put(i, words[w]);
  }
}

inline void drop_row(const RnRandom& random, int layer, uint64_t sample, int64_t first,
                     int64_t width, uint32_t threshold, float scale, float* row) {
  each_word(random, layer, sample, first, width, [=](int64_t i, uint32_t word) {
    row[i] = (word >> 8) >= threshold ? row[i] * scale : 0.0f;
  });
}

RN_INLINE uint32_t drop_threshold(double p) {
  return (uint32_t)::ceil(p * 0x1p24);
}
RN_INLINE float drop_scale(double p) {
  return (float)(1.0 / (1.0 - p));
}

// The active rows of step t.
inline void drop_step(const RnRecurrentDesc& desc, const Sequence& s, int layer, int64_t width,
                      int64_t t, float* rows) {
  const uint32_t threshold = drop_threshold(desc.dropout);
  const float scale = drop_scale(desc.dropout);
  for (int64_t r = 0; r < s.active(t); ++r)
    drop_row(desc.random, layer, (uint64_t)s.order[r], t * width, width, threshold, scale,
             rows + r * width);
}

inline void drop_rows(RnContext* ctx, const RnRecurrentDesc& desc, const Sequence& s, int layer,
                      float* data) {
  if (desc.dropout <= 0) return;
  const int64_t width = desc.directions * desc.state;
  parallel_for(ctx, s.steps, 4096 / (s.batch * width + 1), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      drop_step(desc, s, layer, width, t, data + s.offset[t] * width);
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_DROPOUT_H_

// Inverted dropout (Srivastava et al. 2014). The mask is never stored: backward draws it again,
// which costs less than the memory it would fill. Each row is cut into runs of elements whose words
// are made together by the vectorised generator; the comparison with p is made on integers,
// exactly.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"
#include "native/cpu/core/random_words.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct Mask {
  vi threshold;  // an element is kept when the top 24 bits of its word reach it
  vf scale;
};

// Elements first .. first + count - 1 of `sample`.
template <bool kAdd>
void run(const RnRandom& random, const Mask& mask, uint64_t sample, int64_t first, int64_t count,
         const float* x, float* y) {
  uint32_t words[kRandomWords];
  while (count > 0) {
    const int64_t skip = first & 3;  // words that belong to the run before
    const int64_t drawn = count + skip < kRandomWords ? count + skip : kRandomWords;
    random_words(random, 0, sample, (uint64_t)first >> 2, drawn, words);
    const float* word = (const float*)words + skip;
    each_vector(0, drawn - skip, [=](int64_t i, auto at) {
      const vi top = (vi)((vu)at.load(word + i) >> 8);
      put<kAdd>(at, y + i, select(top >= mask.threshold, at.load(x + i) * mask.scale, zero()));
    });
    const int64_t done = drawn - skip;
    first += done;
    count -= done;
    x += done;
    y += done;
  }
}

template <bool kAdd>
void dropout_as(RnContext* ctx, const RnDropout* args) {
  // word >> 8 >= p * 2^24, exactly: scaling by a power of two does not round.
  const Mask mask = {splat_int((int32_t)::ceil(args->p * 0x1p24)),
                     splat((float)(1.0 / (1.0 - args->p)))};
  const int64_t inner = args->inner, pieces = (inner + kChunk - 1) / kChunk;
  const int64_t rows = args->outer * args->batch;
  parallel_items(ctx, rows * pieces, pieces > 1 ? kChunk : inner, [=](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t row = item / pieces, first = item % pieces * kChunk;
      const int64_t o = row / args->batch, sample = row % args->batch, at = row * inner + first;
      run<kAdd>(args->random, mask, (uint64_t)sample, o * inner + first,
                inner - first < kChunk ? inner - first : kChunk, (const float*)args->x + at,
                (float*)args->y.data + at);
    }
  });
}

}  // namespace

int32_t dropout(RnContext* ctx, const RnDropout* args) {
  if (args->y.mode == RN_GRAD_ADD) {
    dropout_as<true>(ctx, args);
  } else if (args->y.mode == RN_GRAD_WRITE) {
    dropout_as<false>(ctx, args);
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

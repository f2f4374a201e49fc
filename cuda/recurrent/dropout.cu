// Dropout between layers on packed rows. A mask word belongs to the time and batch row that the
// caller gave (RnRecurrentDesc.random), so the mask is the same however the batch is sorted, and is
// drawn again in backward instead of being stored.
#include <cmath>

#include "cuda/core/program.cuh"
#include "cuda/recurrent/sequence.cuh"

namespace rnnative::cuda {
namespace {

// x, y: [N, width]. A thread draws one block of four words and uses those that are of its row: with
// kQuads (width and addresses divisible by 4) all of them, else one.
template <bool kQuads>
__global__ void drop_kernel(Rows rows, Draws draws, int64_t tokens, int64_t width,
                            uint32_t threshold, float scale, const float* x, float* y) {
  constexpr int kWords = kQuads ? 4 : 1;
  const int64_t columns = width / kWords;
  for (int64_t at = first_index(); at < tokens * columns; at += index_stride()) {
    const int64_t n = at / columns, f = at % columns * kWords;
    const int64_t token = rows.token(n);
    if (token < 0) {
#pragma unroll
      for (int w = 0; w < kWords; ++w) y[at * kWords + w] = 0;
      continue;
    }
    const int64_t element = token / rows.batch * width + f;
    uint32_t words[4];
    draws.words(static_cast<uint64_t>(token % rows.batch), static_cast<uint64_t>(element) >> 2,
                words);
    const auto factor = [&](uint32_t word) { return (word >> 8) >= threshold ? scale : 0.0f; };
    if (kQuads) {
      float4 v = reinterpret_cast<const float4*>(x)[at];
      v.x *= factor(words[0]);
      v.y *= factor(words[1]);
      v.z *= factor(words[2]);
      v.w *= factor(words[3]);
      reinterpret_cast<float4*>(y)[at] = v;
    } else {
      const int word = static_cast<int>(element & 3);
      const uint32_t low = word & 1 ? words[1] : words[0], high = word & 1 ? words[3] : words[2];
      y[at] = x[at] * factor(word & 2 ? high : low);
    }
  }
}

}  // namespace

int32_t drop_rows(RnContext* ctx, const Sequence& sequence, double p, const RnRandom& random,
                  int64_t width, const float* x, float* y) {
  const int64_t n = sequence.tokens;
  if (n * width == 0) return RN_OK;
  const auto threshold = static_cast<uint32_t>(std::ceil(p * 0x1p24));
  const auto scale = static_cast<float>(1.0 / (1.0 - p));
  const bool quads =
      width % 4 == 0 && (reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y)) % 16 == 0;
  return launch(ctx, over(quads ? n * width / 4 : n * width),
                quads ? drop_kernel<true> : drop_kernel<false>, sequence.rows, draws_of(random), n,
                width, threshold, scale, x, y);
}

}  // namespace rnnative::cuda

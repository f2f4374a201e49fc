// Dropout between layers on packed rows.
#include "cuda/recurrent/dropout.cuh"

#include <cmath>

#include "cuda/recurrent/sequence.cuh"

namespace rnnative::cuda {
namespace {

// x, y: [N, width]. A thread draws one block of four words and uses those that are of its row: with
// kQuads (width and addresses divisible by 4) all of them, else one.
template <bool kQuads>
__global__ void drop_kernel(Rows rows, DropoutMask mask, int64_t tokens, int64_t width,
                            const float* x, float* y) {
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
    if (kQuads) {
      uint32_t words[4];
      mask.draws.words(static_cast<uint64_t>(token % rows.batch),
                       static_cast<uint64_t>(element) >> 2, words);
      float4 v = reinterpret_cast<const float4*>(x)[at];
      v.x *= mask.of_word(words[0]);
      v.y *= mask.of_word(words[1]);
      v.z *= mask.of_word(words[2]);
      v.w *= mask.of_word(words[3]);
      reinterpret_cast<float4*>(y)[at] = v;
    } else {
      y[at] = x[at] * mask.factor(token % rows.batch, element);
    }
  }
}

}  // namespace

DropoutMask dropout_mask(double p, const RnRandom& random, int64_t stream) {
  DropoutMask mask = {draws_of(random)};
  mask.draws.random.stream += static_cast<uint32_t>(stream);
  if (p == 0) return mask;
  mask.threshold = static_cast<uint32_t>(std::ceil(p * 0x1p24));
  mask.scale = static_cast<float>(1.0 / (1.0 - p));
  return mask;
}

int32_t drop_rows(RnContext* ctx, const Sequence& sequence, double p, const RnRandom& random,
                  int64_t width, const float* x, float* y) {
  const int64_t n = sequence.tokens;
  if (n * width == 0) return RN_OK;
  const bool quads =
      width % 4 == 0 && (reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y)) % 16 == 0;
  return launch(ctx, over(quads ? n * width / 4 : n * width),
                quads ? drop_kernel<true> : drop_kernel<false>, sequence.rows,
                dropout_mask(p, random), n, width, x, y);
}

}  // namespace rnnative::cuda

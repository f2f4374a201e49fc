// The decoder's weights as its products read them: in f32 where they lie, in BF16 rounded once a
// version. The first layer's W is two, for x and for what is fed, whose products lie apart in time.
#ifndef RNNATIVE_CUDA_DECODER_WEIGHTS_CUH_
#define RNNATIVE_CUDA_DECODER_WEIGHTS_CUH_

#include <memory>

#include "cuda/decoder/layout.cuh"
#include "cuda/gemm/operand.cuh"
#include "cuda/gemm/rounded.cuh"

namespace rnnative::cuda {

struct DecoderWeights {
  Operand embedded, fed;             // [G*H, E], [G*H, F]
  std::unique_ptr<Operand[]> input;  // [L] of [G*H, P]; the first unused
  Operand query, out;                // [A, P] or absent, [D, V + P] with OUTPUT

  int32_t make(RnContext* ctx, const DecoderLayout& layout, const RnDecoderForward& args);
};

// The left operand of a product, in its bf16 form where it has one.
inline Operand left(const float* data, int64_t ld, const Rounded& rounded = {}) {
  if (rounded.data) return {rounded.data, true, rounded.ld};
  return {data, false, ld};
}
// c[m, n] (+)= a[m, k] times a weight [n, k] transposed, or [k, n] as it is (+ bias).
struct DecoderProduct {
  int64_t m, n, k;
  Operand a;
  Operand weight;
  bool transposed;
  float* c;
  int64_t ldc;
  bool add = false;
  const float* bias = nullptr;
};
inline int32_t multiply(RnContext* ctx, int32_t precision, const DecoderProduct& p) {
  Gemm product;
  product.m = p.m;
  product.n = p.n;
  product.k = p.k;
  set_a(product, p.a);
  set_b(product, p.weight);
  product.trans_b = p.transposed;
  product.c = p.c;
  product.ldc = p.ldc;
  product.add = p.add;
  product.bias = p.bias;
  product.precision = precision;
  return gemm(ctx, product);
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_DECODER_WEIGHTS_CUH_

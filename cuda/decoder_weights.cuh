// The decoder's weights as its products read them: in f32 where they lie, in BF16 rounded once a
// version. The first layer's W is two, for x and for what is fed, whose products lie apart in time.
#ifndef RNNATIVE_CUDA_DECODER_WEIGHTS_CUH_
#define RNNATIVE_CUDA_DECODER_WEIGHTS_CUH_

#include <memory>

#include "cuda/decoder_layout.cuh"
#include "cuda/gemm.cuh"
#include "cuda/rounded.cuh"

namespace rnnative::cuda {

struct WeightMatrix {
  const void* data = nullptr;
  bool bf16 = false;
  int64_t ld = 0;

  WeightMatrix from_row(int64_t row) const {
    return {static_cast<const char*>(data) + row * ld * (bf16 ? 2 : 4), bf16, ld};
  }
};

struct DecoderWeights {
  WeightMatrix embedded, fed;                 // [G*H, E], [G*H, F]
  std::unique_ptr<WeightMatrix[]> input;      // [L] of [G*H, H]; the first unused
  std::unique_ptr<WeightMatrix[]> recurrent;  // [L] of [G*H, H]
  WeightMatrix query, out;                    // [A, H] or absent, [D, V + H] with OUTPUT

  int32_t make(RnContext* ctx, const DecoderLayout& layout, const RnDecoderForward& args);
};

// The left operand of a product, in its bf16 form where it has one.
struct LeftOperand {
  const float* data;
  int64_t ld;
  Rounded rounded = {};
};
// c[m, n] (+)= a[m, k] times a weight [n, k] transposed, or [k, n] as it is (+ bias).
struct StepProduct {
  int64_t m, n, k;
  LeftOperand a;
  WeightMatrix weight;
  bool transposed;
  float* c;
  int64_t ldc;
  bool add = false;
  const float* bias = nullptr;
};
inline int32_t multiply(RnContext* ctx, int32_t precision, const StepProduct& p) {
  Gemm product;
  product.m = p.m;
  product.n = p.n;
  product.k = p.k;
  product.a_bf16 = p.a.rounded.data != nullptr;
  product.a = product.a_bf16 ? static_cast<const void*>(p.a.rounded.data) : p.a.data;
  product.lda = product.a_bf16 ? p.a.rounded.ld : p.a.ld;
  product.b = p.weight.data;
  product.b_bf16 = p.weight.bf16;
  product.ldb = p.weight.ld;
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

// h' = f(W x + b_ih + R h + b_hh), f = tanh (Elman 1990) or relu. f' follows from h', the one slot.
#ifndef RNNATIVE_CUDA_CELLS_RNN_CUH_
#define RNNATIVE_CUDA_CELLS_RNN_CUH_

#include "cuda/cells/cell.cuh"

namespace rnnative::cuda {

template <bool kRelu>
struct Rnn {
  static constexpr int kGates = 1, kSlots = 1;
  static constexpr bool kHasC = false;
  __host__ __device__ static constexpr int product_slot(int gate) { return gate; }

  __device__ __forceinline__ static void forward(const float (&x)[1], const float (&r)[1], float& h,
                                                 float&, float (&slots)[1]) {
    const float a = x[0] + r[0];
    // a NaN stays one
    h = kRelu ? (a < 0.0f ? 0.0f : a) : tanhf(a);
    slots[0] = h;
  }

  __device__ __forceinline__ static void backward(const float (&slots)[1], float, float, float,
                                                  float& dh, float&, float (&d)[1]) {
    const float y = slots[0];
    d[0] = dh * (kRelu ? (y > 0.0f ? 1.0f : 0.0f) : 1.0f - y * y);
    dh = 0.0f;
  }
};

using RnnTanh = Rnn<false>;
using RnnRelu = Rnn<true>;

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CELLS_RNN_CUH_

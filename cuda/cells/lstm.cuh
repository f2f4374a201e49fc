// Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000. Rows i f g o:
//   c' = f c + i g;  h' = o tanh(c')
// Slots: the gates after their activation.
#ifndef RNNATIVE_CUDA_CELLS_LSTM_CUH_
#define RNNATIVE_CUDA_CELLS_LSTM_CUH_

#include "cuda/cells/cell.cuh"

namespace rnnative::cuda {

struct Lstm {
  static constexpr int kGates = 4, kSlots = 4;
  static constexpr bool kHasC = true;
  __host__ __device__ static constexpr int product_slot(int gate) { return gate; }

  __device__ __forceinline__ static void forward(const float (&x)[4], const float (&r)[4], float& h,
                                                 float& c, float (&slots)[4]) {
    const float i = sigmoid(x[0] + r[0]), f = sigmoid(x[1] + r[1]);
    const float g = tanhf(x[2] + r[2]), o = sigmoid(x[3] + r[3]);
    c = f * c + i * g;
    h = o * tanhf(c);
    slots[0] = i;
    slots[1] = f;
    slots[2] = g;
    slots[3] = o;
  }

  __device__ __forceinline__ static void backward(const float (&slots)[4], float, float c_before,
                                                  float c, float& dh, float& dc, float (&d)[4]) {
    const float i = slots[0], f = slots[1], g = slots[2], o = slots[3];
    const float tanh_c = tanhf(c);
    const float dc_all = dc + dh * o * (1.0f - tanh_c * tanh_c);
    d[0] = dc_all * g * (i * (1.0f - i));
    d[1] = dc_all * c_before * (f * (1.0f - f));
    d[2] = dc_all * i * (1.0f - g * g);
    d[3] = dh * tanh_c * (o * (1.0f - o));
    dc = dc_all * f;
    dh = 0.0f;
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CELLS_LSTM_CUH_

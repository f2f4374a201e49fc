// The GRU of cuDNN and PyTorch: the reset gate acts after the recurrent product. Rows r z n:
//   n = tanh(W x + b_in + r (R h + b_hn));  h' = (1 - z) n + z h
// Slots: r, z, n and q = R_n h + b_hn. The gradient of q is not that of n's W x, so backward has
// four slots as well.
#ifndef RNNATIVE_CUDA_CELLS_GRU_CUH_
#define RNNATIVE_CUDA_CELLS_GRU_CUH_

#include "cuda/cells/cell.cuh"

namespace rnnative::cuda {

struct Gru {
  static constexpr int kGates = 3, kSlots = 4;
  static constexpr bool kHasC = false;
  __host__ __device__ static constexpr int product_slot(int gate) { return gate == 2 ? 3 : gate; }

  __device__ __forceinline__ static void forward(const float (&x)[3], const float (&r)[3], float& h,
                                                 float&, float (&slots)[4]) {
    const float reset = sigmoid(x[0] + r[0]), z = sigmoid(x[1] + r[1]);
    const float n = tanhf(x[2] + reset * r[2]);
    h = n + z * (h - n);
    slots[0] = reset;
    slots[1] = z;
    slots[2] = n;
    slots[3] = r[2];
  }

  __device__ __forceinline__ static void backward(const float (&slots)[4], float h_before, float,
                                                  float, float& dh, float&, float (&d)[4]) {
    const float r = slots[0], z = slots[1], n = slots[2], q = slots[3];
    const float dn = dh * (1.0f - z) * (1.0f - n * n);
    d[0] = dn * q * (r * (1.0f - r));
    d[1] = dh * (h_before - n) * (z * (1.0f - z));
    d[2] = dn;
    d[3] = dn * r;
    dh = dh * z;
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CELLS_GRU_CUH_

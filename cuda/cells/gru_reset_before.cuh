// The GRU as first published (Cho et al. 2014): the reset gate acts on the state before the
// recurrent product, which therefore needs the gates first: two products a step. Rows r z n:
//   n = tanh(W x + b_in + R (r h) + b_hn);  h' = (1 - z) n + z h
// Slots: r, z, n. Each pass is in two parts with a product between them.
#ifndef RNNATIVE_CUDA_CELLS_GRU_RESET_BEFORE_CUH_
#define RNNATIVE_CUDA_CELLS_GRU_RESET_BEFORE_CUH_

#include "cuda/cells/cell.cuh"

namespace rnnative::cuda {

struct GruResetBefore {
  static constexpr int kGates = 3, kSlots = 3;
  static constexpr bool kHasC = false;
  __host__ __device__ static constexpr int product_slot(int gate) { return gate; }

  // x[2], product[2] of r and z. Returns r h, the operand of R_n.
  __device__ __forceinline__ static float forward_reset(const float (&x)[2],
                                                        const float (&product)[2], float h,
                                                        float& r, float& z) {
    r = sigmoid(x[0] + product[0]);
    z = sigmoid(x[1] + product[1]);
    return r * h;
  }
  // product = R_n (r h) + b_hn. Steps h, returns n.
  __device__ __forceinline__ static float forward_candidate(float x, float product, float z,
                                                            float& h) {
    const float n = tanhf(x + product);
    h = n + z * (h - n);
    return n;
  }

  // dh: in, of the state after; out, the part of the state before that passes z. d of z and n.
  __device__ __forceinline__ static void backward_candidate(float z, float n, float h_before,
                                                            float& dh, float& dz, float& dn) {
    dz = dh * (h_before - n) * (z * (1.0f - z));
    dn = dh * (1.0f - z) * (1.0f - n * n);
    dh = dh * z;
  }
  // d_product = dn R_n, the gradient of r h; dh gains what passes r. Returns d of r.
  __device__ __forceinline__ static float backward_reset(float r, float h_before, float d_product,
                                                         float& dh) {
    dh += d_product * r;
    return d_product * h_before * (r * (1.0f - r));
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CELLS_GRU_RESET_BEFORE_CUH_

// The math of one step of one unit, for every kernel that runs a recurrence. A cell is a type:
//   kGates    G, rows of W and R per unit (PyTorch's order)
//   kSlots    S, values kept per unit and step for backward. In a row of gates the first G hold
//             W x before the step
//   kHasC     whether there is a second state c
//   product_slot(g)  the slot that holds, in backward, the gradient of row g of R's product
//   forward(x, r, h, c, slots)   x[G] = W x + b_ih, r[G] = R h + b_hh; h and c are stepped
//   backward(slots, h_before, c_before, c, dh, dc, d)
//             dh, dc: in, gradients of the state after the step; out, what of those of the state
//             before does not pass through R. d[S] out.
// GruResetBefore applies R_n to r h: its forward and backward come in two parts, or phases.
// Accurate to f32: the fast approximations would cost more than bf16 does where inputs are exact.
#ifndef RNNATIVE_CUDA_CELLS_CELL_CUH_
#define RNNATIVE_CUDA_CELLS_CELL_CUH_

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "native/abi/backend.h"

namespace rnnative::cuda {

__device__ __forceinline__ float sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CELLS_CELL_CUH_

// All cells, and from an RnCell to its type.
#ifndef RNNATIVE_CUDA_RECURRENT_CELLS_CUH_
#define RNNATIVE_CUDA_RECURRENT_CELLS_CUH_

#include "cuda/cells/gru.cuh"
#include "cuda/cells/gru_reset_before.cuh"
#include "cuda/cells/lstm.cuh"
#include "cuda/cells/rnn.cuh"

namespace rnnative::cuda {

// body.operator()<Cell>() of a cell of one phase; host or device, as the body is.
#pragma nv_exec_check_disable
template <class Body>
__host__ __device__ __forceinline__ auto with_one_phase_cell(int32_t cell, Body&& body) {
  switch (cell) {
    case RN_RNN_RELU:
      return body.template operator()<RnnRelu>();
    case RN_LSTM:
      return body.template operator()<Lstm>();
    case RN_GRU:
      return body.template operator()<Gru>();
    default:
      return body.template operator()<RnnTanh>();
  }
}
// Of any cell.
template <class Body>
auto with_cell(int32_t cell, Body&& body) {
  if (cell == RN_GRU_RESET_BEFORE) return body.template operator()<GruResetBefore>();
  return with_one_phase_cell(cell, body);
}

inline int64_t gates_of(int32_t cell) {
  return with_cell(cell, [&]<class Cell>() { return int64_t{Cell::kGates}; });
}
inline int64_t slots_of(int32_t cell) {
  return with_cell(cell, [&]<class Cell>() { return int64_t{Cell::kSlots}; });
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_CELLS_CUH_

// All cells, and from an RnCell to its type.
#ifndef RNNATIVE_CUDA_RECURRENT_CELLS_CUH_
#define RNNATIVE_CUDA_RECURRENT_CELLS_CUH_

#include "cuda/cells/gru.cuh"
#include "cuda/cells/gru_reset_before.cuh"
#include "cuda/cells/lstm.cuh"
#include "cuda/cells/rnn.cuh"

namespace rnnative::cuda {

// body.operator()<Cell>() of a cell of one product; host or device, as the body is.
#pragma nv_exec_check_disable
template <class Body>
__host__ __device__ __forceinline__ auto with_one_phase_cell(int32_t cell, Body&& body) {
#define RN_CASE(NAME, name, Type, gates, states, products, ...)           \
  case RN_##NAME:                                                         \
    if constexpr (products == 1) return body.template operator()<Type>(); \
    break;
  switch (cell) { RN_CELLS(RN_CASE) }
#undef RN_CASE
  __builtin_unreachable();
}
// Of any cell.
template <class Body>
auto with_cell(int32_t cell, Body&& body) {
#define RN_CASE(NAME, name, Type, ...) \
  case RN_##NAME:                      \
    return body.template operator()<Type>();
  switch (cell) { RN_CELLS(RN_CASE) }
#undef RN_CASE
  __builtin_unreachable();
}

inline int64_t gates_of(int32_t cell) {
  return rn_cell(cell)->gates;
}
inline int64_t slots_of(int32_t cell) {
  return with_cell(cell, [&]<class Cell>() { return int64_t{Cell::kSlots}; });
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_CELLS_CUH_

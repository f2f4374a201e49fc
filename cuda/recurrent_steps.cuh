// What the two passes of the stepwise tier share: the recurrent weights as operands, the state's
// rounded copy, and the grid of a kernel over the rows of one step.
#ifndef RNNATIVE_CUDA_RECURRENT_STEPS_CUH_
#define RNNATIVE_CUDA_RECURRENT_STEPS_CUH_

#include <algorithm>

#include <intrinsics.cuh>

#include "cuda/cells/cells.cuh"
#include "cuda/operand.cuh"
#include "cuda/recurrent_layer.cuh"

namespace rnnative::cuda {

// An array [D, B, columns] that kernels write and products read: f32, or bf16 with padded rows.
struct StepOperand {
  float* values = nullptr;      // f32 only
  uint16_t* rounded = nullptr;  // BF16 only
  int64_t ld = 0, batch = 0;

  int32_t allocate(RnContext* ctx, const Layer& layer, int64_t columns) {
    batch = layer.sequence->rows.batch;
    const bool bf16 = layer.precision == RN_PRECISION_BF16;
    ld = bf16 ? bf16_ld(columns) : columns;
    const int64_t n = layer.directions * batch * ld;
    if (bf16)
      rounded = scratch_of<uint16_t>(ctx, n);
    else
      values = scratch_of<float>(ctx, n);
    return rounded == nullptr && values == nullptr ? RN_ERR_OUT_OF_MEMORY : RN_OK;
  }
  Operand operand() const {
    if (rounded != nullptr) return {rounded, true, ld};
    return {values, false, ld};
  }
  int64_t group() const { return batch * ld; }

  __device__ void put(int64_t d, int64_t i, int64_t column, float value) const {
    const int64_t at = (d * batch + i) * ld + column;
    if (rounded != nullptr)
      rounded[at] = static_cast<uint16_t>(pack_bf16(value, 0.0f));
    else
      values[at] = value;
  }
};

// R of each direction.
struct RecurrentWeights {
  Operand w[2];

  int32_t make(RnContext* ctx, const Layer& layer) {
    const int64_t rows = gates_of(layer.cell) * layer.hidden;
    int32_t status = RN_OK;
    for (int64_t d = 0; status == RN_OK && d < layer.directions; ++d)
      status = weight_operand(ctx, layer.precision, layer.w_hh[d], rows, layer.hidden, &w[d]);
    return status;
  }
  // The rows of R from gate `first` on, in a product of all directions.
  void set(Gemm& product, const Layer& layer, int64_t first) const {
    const Operand mine = w[0].at(first * layer.hidden, 0);
    set_b(product, mine);
    if (layer.directions == 2)
      product.stride_b = stride_between(mine, w[1].at(first * layer.hidden, 0));
  }
};

// The rows that take part in a step of either direction, those of one being fewer, perhaps.
inline int64_t rows_of_step(const Layer& layer, int64_t step) {
  const Sequence& sequence = *layer.sequence;
  const int64_t first = sequence.active_at(step);
  if (layer.directions == 1) return first;
  return std::max(first, sequence.active_at(sequence.rows.time - 1 - step));
}

// A thread for each unit of (row, direction): x, y, z. Rows beyond the grid are strided over.
inline Launch over_step(const Layer& layer, int64_t rows) {
  const int64_t threads = std::min<int64_t>(ceil_div(layer.hidden, 32) * 32, 256);
  Launch how;
  how.block = dim3(static_cast<unsigned>(threads));
  how.grid = dim3(static_cast<unsigned>(ceil_div(layer.hidden, threads)),
                  static_cast<unsigned>(std::clamp<int64_t>(rows, 1, 65535)),
                  static_cast<unsigned>(layer.directions));
  return how;
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_STEPS_CUH_

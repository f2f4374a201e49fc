// Steps with layer norm (RnRecurrentDesc): a product, and a kernel in which a block has a row,
// whose sums it normalises before its units' cells.
#ifndef RNNATIVE_CUDA_RECURRENT_STEPWISE_NORM_CUH_
#define RNNATIVE_CUDA_RECURRENT_STEPWISE_NORM_CUH_

#include <algorithm>

#include "cuda/core/rows.cuh"
#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {

struct NormMoments {
  float mean, inverse;  // inverse: 1 / sqrt(var + epsilon)
};
// Of value(k), k < count, by all of a block.
template <class Value>
__device__ NormMoments norm_moments(int64_t count, char* shared, const Value& value) {
  const auto n = static_cast<float>(count);
  float sum = 0, squares = 0;
  for (int64_t k = threadIdx.x; k < count; k += blockDim.x) sum += value(k);
  const float mean = block_reduce(sum, Add{}, shared) / n;
  for (int64_t k = threadIdx.x; k < count; k += blockDim.x) {
    const float d = value(k) - mean;
    squares += d * d;
  }
  squares = block_reduce(squares, Add{}, shared);
  return {mean, 1.0f / sqrtf(squares / n + static_cast<float>(RN_NORM_EPSILON))};
}
// The means of d(k) and of d(k) hat(k).
struct NormSlopes {
  float mean, along;
};
template <class Value, class Hat>
__device__ NormSlopes norm_slopes(int64_t count, char* shared, const Value& d, const Hat& hat) {
  float sum = 0, along = 0;
  for (int64_t k = threadIdx.x; k < count; k += blockDim.x) {
    const float value = d(k);
    sum += value;
    along += value * hat(k);
  }
  sum = block_reduce(sum, Add{}, shared);
  along = block_reduce(along, Add{}, shared);
  return {sum / static_cast<float>(count), along / static_cast<float>(count)};
}

// A block for each row of each direction.
inline Launch norm_launch(const Layer& layer, int64_t rows) {
  Launch how;
  how.block = dim3(128);
  how.grid = dim3(static_cast<unsigned>(std::clamp<int64_t>(rows, 1, 65535)),
                  static_cast<unsigned>(layer.directions));
  how.shared = kReduceBytes;
  return how;
}
// The product of `gates` gates, where there is an operand, then the kernel of the layer's cell,
// which kernel_of<Cell>() gives.
template <class Step, class Normed, class KernelOf>
int32_t launch_normed(RnContext* ctx, const Layer& layer, const StepProduct& product, int gates,
                      const Step& step, Normed n, const KernelOf& kernel_of) {
  if (product.operand != nullptr) {
    const int32_t status = multiply_step(ctx, layer, product, gates);
    if (status != RN_OK) return status;
    n.sums = product.sums;
  }
  return with_cell(layer.cell, [&]<class Cell>() {
    if constexpr (Cell::kNormed > 0)
      return launch(ctx, norm_launch(layer, product.rows), kernel_of.template operator()<Cell>(),
                    step, n, product.rows);
    else
      return static_cast<int32_t>(RN_ERR_UNSUPPORTED);
  });
}

// In place of the first phase. made: [D, B, H] of a cell with a c.
int32_t normed_step(RnContext* ctx, const LayerForward& layer, const ForwardStep& step,
                    const StepProduct& product, float* made);
// rows: [2, D, B, H] of a cell with a c.
int32_t normed_step_backward(RnContext* ctx, const LayerBackward& layer, const BackwardStep& step,
                             const StepProduct& product, float* rows);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_STEPWISE_NORM_CUH_

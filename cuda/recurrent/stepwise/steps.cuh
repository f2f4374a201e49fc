// What the two passes of the stepwise tier share. With few rows a phase is one kernel
// (skinny.cuh); else its product is a GEMM, and the update a kernel that finds the sums in the L2
// cache.
#ifndef RNNATIVE_CUDA_RECURRENT_STEPWISE_STEPS_CUH_
#define RNNATIVE_CUDA_RECURRENT_STEPWISE_STEPS_CUH_

#include <algorithm>

#include "cuda/recurrent/stepwise/skinny.cuh"
#include "cuda/recurrent/stepwise/stepwise.cuh"

namespace rnnative::cuda {

// Rows of R from gate `first` on, as they are: outputs forward, summands backward.
int32_t recurrent_rows(RnContext* ctx, const Layer& layer, int64_t first, bool transposed,
                       StepWeights* weights);
// Those of `count` gates transposed, [P, count*H]; cached with the weight.
int32_t recurrent_columns(RnContext* ctx, const Layer& layer, int64_t first, int64_t count,
                          StepWeights* weights);
// The same of W_HR: [P, H]; transposed, [H, P].
int32_t projection_rows(RnContext* ctx, const Layer& layer, bool transposed, StepWeights* weights);
int32_t projection_columns(RnContext* ctx, const Layer& layer, StepWeights* weights);

// A thread for each unit of (row, direction): x, y, z. Rows beyond the grid are strided over.
template <class Phase>
__global__ void update_kernel(typename Phase::Step step, const float* sums, int64_t rows,
                              int64_t batch, int64_t hidden) {
  const int64_t j = first_index(), d = blockIdx.z;
  if (j >= hidden) return;
  for (int64_t i = blockIdx.y; i < rows; i += gridDim.y) {
    float mine[Phase::kGroups];
#pragma unroll
    for (int g = 0; g < Phase::kGroups; ++g)
      mine[g] = sums == nullptr ? 0.0f : sums[((d * batch + i) * Phase::kGroups + g) * hidden + j];
    Phase::update(step, d, i, j, mine);
  }
}

// The product of a phase that is a kernel of its own: into p.sums.
inline int32_t multiply_step(RnContext* ctx, const Layer& layer, const StepProduct& p,
                             int64_t groups) {
  Gemm product;
  product.groups = layer.directions;
  product.m = p.rows;
  product.n = groups * p.outputs;
  product.k = p.k;
  product.trans_b = p.weights.transposed;
  set_a(product, p.operand->operand());
  set_b(product, p.weights.w[0]);
  product.stride_a = p.operand->group();
  if (layer.directions == 2) product.stride_b = stride_between(p.weights.w[0], p.weights.w[1]);
  product.c = p.sums;
  product.ldc = product.n;
  product.stride_c = layer.sequence->rows.batch * product.n;
  product.precision = layer.precision;
  return gemm(ctx, product);
}

template <class Phase>
int32_t run_phase(RnContext* ctx, const Layer& layer, const typename Phase::Step& step,
                  const StepProduct& p) {
  const int64_t batch = layer.sequence->rows.batch, hidden = p.outputs;
  if (p.operand != nullptr && p.skinny) {
    const Operand a = p.operand->operand(), &first = p.weights.w[0], &second = p.weights.w[1];
    Skinny skinny = {};
    skinny.a = a.data;
    skinny.b[0] = first.data;
    skinny.b[1] = second.data;
    skinny.a_group = p.operand->group();
    skinny.lda = a.ld;
    skinny.ldb = first.ld;
    skinny.k = p.k;
    skinny.rows = p.rows;
    skinny.hidden = hidden;
    const auto address = [](const void* data) { return reinterpret_cast<uintptr_t>(data); };
    skinny.vector = p.k % 4 == 0 && a.ld % 4 == 0 && first.ld % 4 == 0 &&
                    (address(a.data) | address(first.data) | address(second.data)) % 16 == 0;
    return launch_skinny<Phase>(ctx, step, skinny, layer.directions, a.bf16);
  }
  if (p.operand != nullptr) {
    const int32_t status = multiply_step(ctx, layer, p, Phase::kGroups);
    if (status != RN_OK) return status;
  }
  const int64_t threads = std::min<int64_t>(ceil_div(hidden, 32) * 32, 256);
  Launch how;
  how.block = dim3(static_cast<unsigned>(threads));
  how.grid = dim3(static_cast<unsigned>(ceil_div(hidden, threads)),
                  static_cast<unsigned>(std::clamp<int64_t>(p.rows, 1, 65535)),
                  static_cast<unsigned>(layer.directions));
  return launch(ctx, how, update_kernel<Phase>, step, p.operand != nullptr ? p.sums : nullptr,
                p.rows, batch, hidden);
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_STEPWISE_STEPS_CUH_

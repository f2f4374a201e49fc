// Walks over two broadcast operands and a dense one, and the sum that is the gradient of an operand
// along whose axes it repeats.
#ifndef RNNATIVE_CUDA_CORE_BROADCAST_CUH_
#define RNNATIVE_CUDA_CORE_BROADCAST_CUH_

#include "cuda/core/reduction.cuh"
#include "cuda/core/walk.cuh"

namespace rnnative::cuda {

// The axes of y: a, b and a dense operand.
inline Walk<3> walk_of(int32_t dims, const int64_t* shape, const int64_t* a, const int64_t* b) {
  Walk<3> walk;
  walk.dims = dims;
  int64_t stride = 1;
  for (int32_t d = dims - 1; d >= 0; --d) {
    walk.shape[d] = shape[d];
    walk.strides[0][d] = a[d];
    walk.strides[1][d] = b[d];
    walk.strides[2][d] = stride;
    stride *= shape[d];
  }
  if (walk.dims == 0) walk.shape[walk.dims++] = 1;
  return walk;
}

inline bool repeats(const Walk<3>& walk, int operand) {
  for (int32_t d = 0; d < walk.dims; ++d)
    if (walk.strides[operand][d] == 0 && walk.shape[d] > 1) return true;
  return false;
}

// The gradient of `operand`, summed over the axes along which it repeats. `sum` is a sum of
// reduction.cuh with Walk<3>s `kept` and `reduced`, which are filled here.
template <class Sum>
int32_t sum_broadcast(RnContext* ctx, const Walk<3>& walk, Sum sum, int operand,
                      const RnGrad& grad) {
  for (int32_t d = 0; d < walk.dims; ++d) {
    Walk<3>& to = walk.strides[operand][d] == 0 ? sum.reduced : sum.kept;
    to.shape[to.dims] = walk.shape[d];
    for (int o = 0; o < 3; ++o) to.strides[o][to.dims] = walk.strides[o][d];
    ++to.dims;
  }
  const int64_t kept = sum.kept.elements(sum.kept.dims);
  const int64_t reduced = sum.reduced.elements(sum.reduced.dims);
  const bool last_is_kept = walk.strides[operand][walk.dims - 1] != 0;
  return last_is_kept ? sum_down(ctx, sum, kept, reduced, {grad})
                      : sum_across(ctx, sum, kept, reduced, {grad});
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_BROADCAST_CUH_

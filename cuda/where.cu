// Choice by a condition, with broadcasting: one pass. What is not chosen may be NaN: it is never
// multiplied by zero. The gradient of a broadcast operand is a sum (core/broadcast.cuh).
#include "cuda/core/broadcast.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

// Operands: condition, a, b, y.
struct Choice {
  const int32_t* condition;
  const float *a, *b;
  float* y;

  template <int kWidth>
  __device__ __forceinline__ void run(const int64_t (&at)[4], const int64_t (&strides)[4],
                                      int64_t count) const {
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      if (j >= count) break;
      const bool chosen = condition[at[0] + j * strides[0]] != 0;
      y[at[3] + j] = chosen ? a[at[1] + j * strides[1]] : b[at[2] + j * strides[2]];
    }
  }
};

// Operands: condition, dx, dy. Nothing repeats.
struct Passed {
  bool chosen;
  const int32_t* condition;
  const float* dy;
  RnGrad dx;

  template <int kWidth>
  __device__ __forceinline__ void run(const int64_t (&at)[3], const int64_t (&strides)[3],
                                      int64_t count) const {
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      if (j >= count) break;
      const bool passes = (condition[at[0] + j * strides[0]] != 0) == chosen;
      put(dx, at[1] + j * strides[1], passes ? dy[at[2] + j] : 0.0f);
    }
  }
};

// The same where dx repeats.
struct PassedSum {
  static constexpr int kOutputs = 1;
  struct Place {
    int64_t condition, dy;
  };
  bool chosen;
  const int32_t* condition;
  const float* dy;
  Walk<3> kept, reduced;

  __device__ __forceinline__ Place place(int64_t k) const {
    int64_t at[3];
    kept.locate(k, kept.dims, at);
    return {at[0], at[2]};
  }
  __device__ __forceinline__ void add(const Place& place, int64_t r, float (&sums)[1]) const {
    int64_t at[3];
    reduced.locate(r, reduced.dims, at);
    if ((condition[place.condition + at[0]] != 0) == chosen) sums[0] += dy[place.dy + at[2]];
  }
};

}  // namespace

int32_t where(RnContext* ctx, const RnWhere* args) {
  Walk<4> walk;
  walk.dims = args->dims;
  int64_t stride = 1;
  for (int32_t d = args->dims - 1; d >= 0; --d) {
    walk.shape[d] = args->shape[d];
    walk.strides[0][d] = args->condition_strides[d];
    walk.strides[1][d] = args->a_strides[d];
    walk.strides[2][d] = args->b_strides[d];
    walk.strides[3][d] = stride;
    stride *= args->shape[d];
  }
  return walk_all(ctx, walk, false,
                  Choice{args->condition, static_cast<const float*>(args->a),
                         static_cast<const float*>(args->b), static_cast<float*>(args->y)});
}

int32_t where_backward(RnContext* ctx, const RnWhereBackward* args) {
  if (args->dx.mode == RN_GRAD_SKIP) return RN_OK;
  const Walk<3> walk = walk_of(args->dims, args->shape, args->condition_strides, args->x_strides);
  const bool chosen = args->chosen != 0;
  const auto* dy = static_cast<const float*>(args->dy);
  if (repeats(walk, 1))
    return sum_broadcast(ctx, walk, PassedSum{chosen, args->condition, dy, {}, {}}, 1, args->dx);
  return walk_all(ctx, walk, false, Passed{chosen, args->condition, dy, args->dx});
}

}  // namespace rnnative::cuda

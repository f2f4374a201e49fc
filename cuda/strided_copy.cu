// Copies between strided layouts. A copy whose inner axis is dense on both sides is a walk by rows.
// One that turns two axes around (a transpose inside a permutation) goes through tiles of shared
// memory, so that both sides are read and written along their own dense axis; tiles are padded by a
// column against bank conflicts.
#include <algorithm>

#include "cuda/core/copy.cuh"
#include "cuda/core/walk.cuh"
#include "intrinsics.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

constexpr int kTile = 32, kTileRows = 8;

// Operands: x, y. Integers are moved as floats, which keeps their bits.
struct Copy {
  const float* x;
  RnGrad y;

  template <int kWidth>
  __device__ __forceinline__ void run(const int64_t (&at)[2], const int64_t (&strides)[2],
                                      int64_t count) const {
    const Floats<kWidth> v = load_strided<kWidth>(x + at[0], strides[0], count);
    if (strides[1] == 1) {
      put<kWidth>(y, at[1], v, count);
      return;
    }
#pragma unroll
    for (int j = 0; j < kWidth; ++j)
      if (j < count) put(y, at[1] + j * strides[1], v.at[j]);
  }
};

// The last two axes of `walk` are p, along which x is dense, and q, along which y is. Block
// (kTile, kTileRows); grid x counts tiles of (p, q), y the other axes. Shared: [kTile, kTile + 1].
__global__ void transpose_kernel(Walk<2> walk, int64_t outer, const float* x, RnGrad y) {
  auto* tile = reinterpret_cast<float*>(shared_memory());
  const int32_t axes = walk.dims - 2;
  const int64_t p_size = walk.shape[axes], q_size = walk.shape[axes + 1];
  const int64_t x_stride = walk.strides[0][axes + 1], y_stride = walk.strides[1][axes];
  const int64_t q_tiles = (q_size + kTile - 1) / kTile;
  const int64_t p0 = blockIdx.x / q_tiles * kTile, q0 = blockIdx.x % q_tiles * kTile;
  for (int64_t item = blockIdx.y; item < outer; item += gridDim.y) {
    int64_t at[2];
    walk.locate(item, axes, at);
#pragma unroll
    for (unsigned row = threadIdx.y; row < kTile; row += kTileRows) {
      const int64_t p = p0 + threadIdx.x, q = q0 + row;
      if (p < p_size && q < q_size)
        tile[row * (kTile + 1) + threadIdx.x] = x[at[0] + q * x_stride + p];
    }
    __syncthreads();
#pragma unroll
    for (unsigned row = threadIdx.y; row < kTile; row += kTileRows) {
      const int64_t p = p0 + row, q = q0 + threadIdx.x;
      if (p < p_size && q < q_size)
        put(y, at[1] + p * y_stride + q, tile[threadIdx.x * (kTile + 1) + row]);
    }
    __syncthreads();
  }
}

// Brings the axis along which x is dense next to the last, where that makes a transpose worth it.
bool as_transpose(Walk<2>* walk) {
  constexpr int64_t kWorth = 4;  // a tile's least extent
  const int32_t q = walk->dims - 1;
  if (walk->strides[1][q] != 1 || walk->strides[0][q] <= 1 || walk->shape[q] < kWorth) return false;
  for (int32_t p = 0; p < q; ++p) {
    if (walk->strides[0][p] != 1 || walk->shape[p] < kWorth) continue;
    const auto rotate = [&](int64_t* of) { std::rotate(of + p, of + p + 1, of + q); };
    rotate(walk->shape);
    rotate(walk->strides[0]);
    rotate(walk->strides[1]);
    return true;
  }
  return false;
}

int32_t transpose(RnContext* ctx, const Walk<2>& walk, const float* x, const RnGrad& y) {
  const int32_t axes = walk.dims - 2;
  const int64_t outer = walk.elements(axes);
  const int64_t tiles = ceil_div(walk.shape[axes], kTile) * ceil_div(walk.shape[axes + 1], kTile);
  Launch how;
  how.grid =
      dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(std::min<int64_t>(outer, 65535)));
  how.block = dim3(kTile, kTileRows);
  how.shared = kTile * (kTile + 1) * sizeof(float);
  return launch(ctx, how, transpose_kernel, walk, outer, x, y);
}

}  // namespace

int32_t strided_copy(RnContext* ctx, const RnStridedCopy* args) {
  if (args->element_size != sizeof(float))
    return fail(ctx, RN_ERR_UNSUPPORTED, "elements of %d bytes", args->element_size);
  Walk<2> walk;
  walk.dims = args->dims;
  std::copy_n(args->shape, args->dims, walk.shape);
  std::copy_n(args->x_strides, args->dims, walk.strides[0]);
  std::copy_n(args->y_strides, args->dims, walk.strides[1]);
  if (walk.dims == 0) walk.shape[walk.dims++] = 1;
  if (walk.elements(walk.dims) == 0) return RN_OK;
  for (int32_t d = 0; d < walk.dims; ++d)
    if (walk.strides[1][d] == 0 && walk.shape[d] > 1)
      return fail(ctx, RN_ERR_UNSUPPORTED, "elements of y that overlap");

  const auto* x = static_cast<const float*>(args->x);
  const RnGrad y = {args->y, args->add ? RN_GRAD_ADD : RN_GRAD_WRITE};
  if (as_transpose(&walk)) return transpose(ctx, walk, x, y);
  const bool wide = walk.strides[1][walk.dims - 1] == 1 && walk.wide(0, x) && walk.wide(1, y.data);
  return walk_all(ctx, walk, wide, Copy{x, y});
}

int32_t copy_floats(RnContext* ctx, std::initializer_list<CopyAxis> axes, const float* x, float* y,
                    bool add) {
  RnStridedCopy copy = {};
  copy.element_size = sizeof(float);
  copy.add = add;
  for (const CopyAxis& axis : axes) {
    copy.shape[copy.dims] = axis.size;
    copy.x_strides[copy.dims] = axis.from;
    copy.y_strides[copy.dims++] = axis.to;
  }
  copy.x = x;
  copy.y = y;
  return strided_copy(ctx, &copy);
}

}  // namespace rnnative::cuda

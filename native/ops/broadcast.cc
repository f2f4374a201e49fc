#include "native/ops/broadcast.h"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "native/ops/strided.h"

namespace rnnative {

namespace {

// Strides of an operand along the axes of the result: 0 where it is broadcast.
void broadcast_strides(const Shape& operand, const Shape& result, int64_t* strides) {
  int64_t own[RN_MAX_DIMS] = {};
  dense_strides(operand, own);
  const int missing = result.dims() - operand.dims();
  for (int i = 0; i < result.dims(); ++i) {
    const bool repeats = i < missing || operand[i - missing] == 1;
    strides[i] = repeats ? 0 : own[i - missing];
  }
}

BroadcastAxes axes_of(const Shape& result, std::initializer_list<const Shape*> operands) {
  int64_t strides[3][RN_MAX_DIMS] = {};
  int count = 0;
  for (const Shape* operand : operands) broadcast_strides(*operand, result, strides[count++]);
  BroadcastAxes axes;
  for (int i = 0; i < result.dims(); ++i) {
    if (result[i] == 1) continue;
    const int last = axes.dims - 1;
    bool merges = last >= 0;
    for (int k = 0; merges && k < count; ++k)
      merges = axes.strides[k][last] == strides[k][i] * result[i];
    const int to = merges ? last : axes.dims++;
    axes.shape[to] = merges ? axes.shape[to] * result[i] : result[i];
    for (int k = 0; k < count; ++k) axes.strides[k][to] = strides[k][i];
  }
  if (axes.dims == 0) {
    axes.shape[axes.dims++] = 1;
    for (int k = 0; k < count; ++k) axes.strides[k][0] = 1;
  }
  return axes;
}

}  // namespace

Shape broadcast(const Checker& check, const Shape& a, std::string_view name, const Shape& b) {
  const int dims = std::max(a.dims(), b.dims());
  Shape shape;
  for (int i = 0; i < dims; ++i) {
    const int ai = i - (dims - a.dims());
    const int bi = i - (dims - b.dims());
    const int64_t left = ai < 0 ? 1 : a[ai];
    const int64_t right = bi < 0 ? 1 : b[bi];
    if (left != right && left != 1 && right != 1) {
      check.fail("ERR_SHAPE", std::string(name) + ": expected a shape that broadcasts with " +
                                  a.to_string() + ", got " + b.to_string());
    }
    shape.push(left == 1 ? right : left);
  }
  return shape;
}

void BroadcastAxes::copy_to(int32_t* to_dims, int64_t* to_shape) const {
  *to_dims = dims;
  std::copy_n(shape, dims, to_shape);
}

void BroadcastAxes::copy_to(int operand, int64_t* to_strides) const {
  std::copy_n(strides[operand], dims, to_strides);
}

BroadcastAxes broadcast_axes(const Shape& result, const Shape& a, const Shape& b) {
  return axes_of(result, {&a, &b});
}

BroadcastAxes broadcast_axes(const Shape& result, const Shape& a, const Shape& b, const Shape& c) {
  return axes_of(result, {&a, &b, &c});
}

}  // namespace rnnative

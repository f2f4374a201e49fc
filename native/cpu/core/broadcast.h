// Broadcasting in canonical form, shared by ops of several operands and their gradients: unit axes
// are dropped and neighbours merged where all operands allow it, so that every call ends as an
// inner loop along one axis, in which each operand is either contiguous or constant, under a few
// outer axes.
#ifndef RNNATIVE_CPU_CORE_BROADCAST_H_
#define RNNATIVE_CPU_CORE_BROADCAST_H_

#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct Axis {
  int64_t size;
  int64_t a, b, y;  // strides in elements
};

struct Broadcast {
  int dims = 0;
  Axis axis[RN_MAX_DIMS];
  Axis inner = {1, 0, 0, 1};  // the last axis, taken out of axis[]
  int64_t outer = 1;          // product of axis[].size
};

// The elements at which position i of the outer axes starts.
struct Offsets {
  int64_t a, b, y;
};

inline Offsets offsets_at(const Broadcast& s, int64_t i) {
  Offsets at = {0, 0, 0};
  for (int d = s.dims - 1; d >= 0; --d) {
    const Axis& axis = s.axis[d];
    const int64_t index = i % axis.size;
    i /= axis.size;
    at.a += index * axis.a;
    at.b += index * axis.b;
    at.y += index * axis.y;
  }
  return at;
}

// No axis of `shape` may be 0. Operands being dense, their inner strides are 0 or 1.
inline Broadcast align(int32_t dims, const int64_t* shape, const int64_t* a_strides,
                       const int64_t* b_strides, const int64_t* y_strides) {
  Broadcast s;
  for (int d = 0; d < dims; ++d) {
    if (shape[d] == 1) continue;
    const Axis next = {shape[d], a_strides[d], b_strides[d], y_strides[d]};
    Axis* last = s.dims > 0 ? &s.axis[s.dims - 1] : nullptr;
    if (last && last->a == next.a * next.size && last->b == next.b * next.size &&
        last->y == next.y * next.size) {
      *last = {last->size * next.size, next.a, next.b, next.y};
    } else {
      s.axis[s.dims++] = next;
    }
  }
  if (s.dims > 0) s.inner = s.axis[--s.dims];
  for (int d = 0; d < s.dims; ++d) s.outer *= s.axis[d].size;
  return s;
}

// With y dense.
inline Broadcast broadcast(int32_t dims, const int64_t* shape, const int64_t* a_strides,
                           const int64_t* b_strides) {
  int64_t dense[RN_MAX_DIMS] = {};
  int64_t size = 1;
  for (int d = dims - 1; d >= 0; --d) {
    dense[d] = size;
    size *= shape[d];
  }
  return align(dims, shape, a_strides, b_strides, dense);
}

inline bool empty(int32_t dims, const int64_t* shape) {
  for (int d = 0; d < dims; ++d)
    if (shape[d] == 0) return true;
  return false;
}

// body(offsets, first, last, row) over all elements: positions first..last of the inner axis in row
// `row` of the outer axes, which starts at `offsets`. Long inner axes are cut, so that one loop
// alone can be shared.
template <class Body>
void each_piece(RnContext* ctx, const Broadcast& s, const Body& body) {
  const int64_t size = s.inner.size, pieces = (size + kChunk - 1) / kChunk;
  parallel_items(
      ctx, s.outer * pieces, pieces > 1 ? kChunk : size, [&](int64_t begin, int64_t end) {
        for (int64_t item = begin; item < end; ++item) {
          const int64_t row = item / pieces, first = item % pieces * kChunk;
          body(offsets_at(s, row), first, size - first < kChunk ? size : first + kChunk, row);
        }
      });
}

// An operand along the inner axis: a vector of neighbours, or one value in all lanes.
template <bool kVaries, class At>
RN_INLINE vf operand(const At& at, const float* p, int64_t i) {
  return kVaries ? at.load(p + i) : splat(*p);
}
// The same asked per vector, which bits that are no float's outlive.
template <class At>
RN_INLINE vf operand(bool varies, const At& at, const float* p, int64_t i) {
  if (varies) return at.load(p + i);
  int32_t bits;
  memcpy(&bits, p, sizeof bits);
  return (vf)splat_int(bits);
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_BROADCAST_H_

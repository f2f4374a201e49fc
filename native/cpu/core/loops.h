// Loops shared by the kernels that memory bounds. A loop body is written once for a vector at an
// offset and runs on whole vectors and on the part that is left over, with the same instructions:
// an element's value never depends on how far from the end of its range it lies, hence neither on
// the batch size nor on how ranges are shared among threads.
#ifndef RNNATIVE_CPU_CORE_LOOPS_H_
#define RNNATIVE_CPU_CORE_LOOPS_H_

#include "native/cpu/core/parallel.h"
#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// The one threshold of these kernels: with fewer elements than this, waking the team costs more
// than it saves (about 5 us against 32 K elements from cache).
constexpr int64_t kSerialElements = 32768;
// Elements that a thread takes at a time.
constexpr int64_t kChunk = 4096;

RN_INLINE int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

// How to reach memory at a vector's offset: all lanes, or the first n.
struct WholeVector {
  RN_INLINE vf load(const float* p) const { return RN_ISA::load(p); }
  RN_INLINE void store(float* p, vf x) const { RN_ISA::store(p, x); }
  // Lanes that do not exist become `other`.
  RN_INLINE vf keep(vf x, float) const { return x; }
};
struct PartVector {
  int64_t n;
  RN_INLINE vf load(const float* p) const { return load_first(p, n); }
  RN_INLINE void store(float* p, vf x) const { store_first(p, x, n); }
  RN_INLINE vf keep(vf x, float other) const {
    for (int64_t i = n; i < kLanes; ++i) x[i] = other;
    return x;
  }
};

// body(i, at) for the vectors of begin..end, at.load(p + i) and at.store(p + i, v) being their
// access.
template <class Body>
RN_INLINE void each_vector(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) body(i, WholeVector{});
  if (i < end) body(i, PartVector{end - i});
}

// body(begin, end) over parts of 0..n, for loops whose elements are independent.
template <class Body>
void parallel_elements(RnContext* ctx, int64_t n, const Body& body) {
  const int64_t chunks = (n + kChunk - 1) / kChunk;
  parallel_for(ctx, chunks, kSerialElements / kChunk, [&](int64_t begin, int64_t end) {
    const int64_t last = end * kChunk;
    body(begin * kChunk, last < n ? last : n);
  });
}

// body(begin, end) over parts of 0..items, each of which touches `elements` elements.
template <class Body>
void parallel_items(RnContext* ctx, int64_t items, int64_t elements, const Body& body) {
  const int64_t grain = kSerialElements / (elements > 0 ? elements : 1);
  parallel_for(ctx, items, grain > 1 ? grain : 1, body);
}

// *p = x or *p += x.
template <bool kAdd, class At>
RN_INLINE void put(const At& at, float* p, vf x) {
  at.store(p, kAdd ? at.load(p) + x : x);
}

// The sum of value(i, at) over the lanes of 0..n, zeros expected in lanes that do not exist. Four
// vectors of partial sums a block, blocks joined in double: accurate for long rows, in an order
// that depends on n alone.
template <class Value>
RN_INLINE double sum_lanes(int64_t n, const Value& value) {
  constexpr int64_t kBlock = 128 * kLanes;
  double total = 0;
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t end = first + kBlock < n ? first + kBlock : n;
    vf s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
    int64_t i = first;
    for (; i + 4 * kLanes <= end; i += 4 * kLanes) {
      s0 += value(i, WholeVector{});
      s1 += value(i + kLanes, WholeVector{});
      s2 += value(i + 2 * kLanes, WholeVector{});
      s3 += value(i + 3 * kLanes, WholeVector{});
    }
    for (; i + kLanes <= end; i += kLanes) s0 += value(i, WholeVector{});
    if (i < end) s1 += value(i, PartVector{end - i});
    total += sum((s0 + s1) + (s2 + s3));
  }
  return total;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_LOOPS_H_

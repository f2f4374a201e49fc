// Copies through strides: permute, slice, concatenation and their gradients are all this one op.
// The dimensions are first put into canonical form (unit axes dropped, outermost = largest stride
// of y, adjacent axes merged where both sides allow it), so that most calls end as one of three
// loops: runs contiguous on both sides (memcpy speed), a matrix transpose (tiles, so that neither
// side walks a new cache line per element), or, rarely, an odometer over single elements.
#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kTile =
    16;  // elements: a tile of 4-byte elements is 16 cache lines on either side

struct Walk {
  int dims = 0;
  int64_t shape[RN_MAX_DIMS] = {};
  int64_t x[RN_MAX_DIMS] = {};  // strides in elements
  int64_t y[RN_MAX_DIMS] = {};
};

int64_t magnitude(int64_t v) {
  return v < 0 ? -v : v;
}

// Drops unit axes, orders the rest by y's stride, merges neighbours.
Walk canonical(const RnStridedCopy* c) {
  Walk w;
  for (int d = 0; d < c->dims; d++) {
    if (c->shape[d] == 1) continue;
    int at = w.dims++;
    for (; at > 0 && magnitude(w.y[at - 1]) < magnitude(c->y_strides[d]); at--) {
      w.shape[at] = w.shape[at - 1];
      w.x[at] = w.x[at - 1];
      w.y[at] = w.y[at - 1];
    }
    w.shape[at] = c->shape[d];
    w.x[at] = c->x_strides[d];
    w.y[at] = c->y_strides[d];
  }
  int last = 0;
  for (int d = 1; d < w.dims; d++) {
    bool merges = w.x[last] == w.x[d] * w.shape[d] && w.y[last] == w.y[d] * w.shape[d];
    if (merges) {
      w.shape[last] *= w.shape[d];
    } else {
      last++;
      w.shape[last] = w.shape[d];
    }
    w.x[last] = w.x[d];
    w.y[last] = w.y[d];
  }
  if (w.dims > 0) w.dims = last + 1;
  return w;
}

// Two loops taken out of the walk: p (rows) and q (the inner loop, y's smallest stride).
struct Plane {
  int64_t p, q;
  int64_t xp, xq, yp, yq;
};

template <class T, bool kAdd>
RN_INLINE void assign(T* y, T x) {
  *y = kAdd ? *y + x : x;
}

template <class T, bool kAdd>
void copy_plane(const T* x, T* y, const Plane& s) {
  if (s.xq == 1 && s.yq == 1) {
    for (int64_t p = 0; p < s.p; p++) {
      const T* from = x + p * s.xp;
      T* to = y + p * s.yp;
      if (!kAdd && s.q >= 16) {
        memcpy(to, from, (size_t)s.q * sizeof(T));
      } else {
        for (int64_t q = 0; q < s.q; q++) assign<T, kAdd>(to + q, from[q]);
      }
    }
    return;
  }
  for (int64_t p0 = 0; p0 < s.p; p0 += kTile) {
    int64_t p1 = p0 + kTile < s.p ? p0 + kTile : s.p;
    for (int64_t q0 = 0; q0 < s.q; q0 += kTile) {
      int64_t q1 = q0 + kTile < s.q ? q0 + kTile : s.q;
      for (int64_t p = p0; p < p1; p++) {
        for (int64_t q = q0; q < q1; q++) {
          assign<T, kAdd>(y + p * s.yp + q * s.yq, x[p * s.xp + q * s.xq]);
        }
      }
    }
  }
}

template <class T, bool kAdd>
void strided_copy_as(RnContext* ctx, const Walk& w, const void* x_data, void* y_data) {
  const T* x = (const T*)x_data;
  T* y = (T*)y_data;
  // Rows: the axis along which x is contiguous, so that a plane is a transpose; else the next one
  // out.
  int q = w.dims - 1;
  int p = q - 1;
  for (int d = 0; d < q; d++) {
    if (w.x[d] == 1) p = d;
  }
  Plane plane = {1, 1, 0, 1, 0, 1};
  if (q >= 0) plane = {1, w.shape[q], 0, w.x[q], 0, w.y[q]};
  if (p >= 0) plane.p = w.shape[p], plane.xp = w.x[p], plane.yp = w.y[p];

  int64_t outer = 1;
  bool disjoint = true;  // no element of y is met twice
  for (int d = 0; d < w.dims; d++) {
    if (d != p && d != q) outer *= w.shape[d];
    if (w.y[d] == 0) disjoint = false;
  }
  int64_t block = kChunk / plane.q / kTile * kTile;
  if (block < kTile) block = kTile;
  int64_t blocks = (plane.p + block - 1) / block;

  auto run = [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; item++) {
      int64_t first = item % blocks * block;
      int64_t x_at = first * plane.xp, y_at = first * plane.yp;
      int64_t rest = item / blocks;
      for (int d = w.dims - 1; d >= 0; d--) {
        if (d == p || d == q) continue;
        int64_t i = rest % w.shape[d];
        rest /= w.shape[d];
        x_at += i * w.x[d];
        y_at += i * w.y[d];
      }
      Plane part = plane;
      part.p = plane.p - first < block ? plane.p - first : block;
      copy_plane<T, kAdd>(x + x_at, y + y_at, part);
    }
  };
  int64_t items = outer * blocks;
  if (disjoint) {
    parallel_items(ctx, items, (plane.p < block ? plane.p : block) * plane.q, run);
  } else {
    run(0, items);
  }
}

}  // namespace

int32_t strided_copy(RnContext* ctx, const RnStridedCopy* c) {
  for (int d = 0; d < c->dims; d++) {
    if (c->shape[d] == 0) return RN_OK;
  }
  Walk w = canonical(c);
  if (c->element_size == 4) {
    if (c->add)
      strided_copy_as<float, true>(ctx, w, c->x, c->y);
    else
      strided_copy_as<uint32_t, false>(ctx, w, c->x, c->y);
  } else {
    if (c->add)
      strided_copy_as<double, true>(ctx, w, c->x, c->y);
    else
      strided_copy_as<uint64_t, false>(ctx, w, c->x, c->y);
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

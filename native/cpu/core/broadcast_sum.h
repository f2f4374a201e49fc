// The gradient of an operand that was broadcast: a sum over its broadcast axes. The sum is formed
// in blocks of a size fixed by the shapes (so the threads may share the blocks and the result does
// not depend on how), and the blocks are joined in double, in order. What is summed is a type F
// with
//   static vf slope_a(vf a, vf b, vf dy), slope_b(vf a, vf b, vf dy)
#ifndef RNNATIVE_CPU_CORE_BROADCAST_SUM_H_
#define RNNATIVE_CPU_CORE_BROADCAST_SUM_H_

#include "native/cpu/core/broadcast.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kRowsPerSum = 128;        // rows added up in float
constexpr int64_t kElementsPerSum = 16384;  // elements added up by sum_lanes

// One operand's gradient: which axes it keeps and which it is summed over.
struct Side {
  const float *a, *b, *dy;
  float* d;
  bool add;
  bool a_varies,
      b_varies;  // along the inner axis. Asked per vector: one copy of the code a function
  Broadcast kept, reduced;  // both share the inner axis
};

inline Side side_of(const void* a, const void* b, const void* dy, const RnGrad& grad,
                    const Broadcast& s, bool of_a) {
  Side side = {(const float*)a,
               (const float*)b,
               (const float*)dy,
               (float*)grad.data,
               grad.mode == RN_GRAD_ADD,
               s.inner.a != 0,
               s.inner.b != 0,
               {},
               {}};
  for (int d = 0; d < s.dims; ++d) {
    Broadcast& part = (of_a ? s.axis[d].a : s.axis[d].b) ? side.kept : side.reduced;
    part.axis[part.dims++] = s.axis[d];
    part.outer *= s.axis[d].size;
  }
  side.kept.inner = side.reduced.inner = s.inner;
  return side;
}

inline Offsets both(const Offsets& x, const Offsets& y) {
  return {x.a + y.a, x.b + y.b, x.y + y.y};
}

template <class F, bool kOfA, class At>
RN_INLINE vf slope(const Side& s, const Offsets& o, int64_t i, const At& at) {
  const vf a = s.a_varies ? at.load(s.a + o.a + i) : splat(s.a[o.a]);
  const vf b = s.b_varies ? at.load(s.b + o.b + i) : splat(s.b[o.b]);
  const vf dy = at.load(s.dy + o.y + i);
  return kOfA ? F::slope_a(a, b, dy) : F::slope_b(a, b, dy);
}

// Nothing to sum.
template <class F, bool kOfA>
void elementwise(RnContext* ctx, const Side& s) {
  each_piece(ctx, s.kept, [&](const Offsets& o, int64_t first, int64_t last, int64_t) {
    float* d = s.d + (kOfA ? o.a : o.b);
    each_vector(first, last, [&](int64_t i, auto at) {
      const vf g = slope<F, kOfA>(s, o, i, at);
      if (s.add) {
        put<true>(at, d + i, g);
      } else {
        put<false>(at, d + i, g);
      }
    });
  });
}

// The operand varies along the inner axis: rows are added up. partial: [blocks, kept elements].
template <class F, bool kOfA>
int32_t sum_of_rows(RnContext* ctx, const Side& s) {
  const int64_t size = s.kept.inner.size, elements = s.kept.outer * size;
  const int64_t blocks = (s.reduced.outer + kRowsPerSum - 1) / kRowsPerSum;
  const int64_t pieces = (size + kChunk - 1) / kChunk;
  float* partial = scratch_floats(ctx, blocks * elements);
  if (!partial) return RN_ERR_OUT_OF_MEMORY;

  const int64_t rows_each = s.reduced.outer < kRowsPerSum ? s.reduced.outer : kRowsPerSum;
  const int64_t cost = rows_each * (pieces > 1 ? kChunk : size);
  parallel_items(ctx, blocks * s.kept.outer * pieces, cost, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t block = item / (s.kept.outer * pieces), row0 = block * kRowsPerSum;
      const int64_t rest = s.reduced.outer - row0;
      const int64_t row1 = row0 + (rest < kRowsPerSum ? rest : kRowsPerSum);
      const Offsets kept = offsets_at(s.kept, item / pieces % s.kept.outer);
      const int64_t first = item % pieces * kChunk;
      const int64_t last = size - first < kChunk ? size : first + kChunk;
      float* sums = partial + block * elements + (kOfA ? kept.a : kept.b);
      for (int64_t row = row0; row < row1; ++row) {
        const Offsets o = both(kept, offsets_at(s.reduced, row));
        each_vector(first, last, [&](int64_t i, auto at) {
          const vf g = slope<F, kOfA>(s, o, i, at);
          at.store(sums + i, row == row0 ? g : at.load(sums + i) + g);
        });
      }
    }
  });
  parallel_items(ctx, elements, blocks, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      double total = s.add ? s.d[i] : 0;
      for (int64_t block = 0; block < blocks; ++block) total += partial[block * elements + i];
      s.d[i] = (float)total;
    }
  });
  return RN_OK;
}

// The operand is constant along the inner axis: each of its elements gets sums of rows, or of
// pieces of long rows. partial: [kept elements, blocks].
template <class F, bool kOfA>
int32_t sum_along_rows(RnContext* ctx, const Side& s) {
  const int64_t size = s.kept.inner.size;
  const int64_t pieces = (size + kElementsPerSum - 1) / kElementsPerSum;
  const int64_t units = s.reduced.outer * pieces;
  const int64_t per_block = size < kElementsPerSum ? kElementsPerSum / size : 1;
  const int64_t blocks = (units + per_block - 1) / per_block;
  double* partial = (double*)ctx->scratch(ctx->runtime, s.kept.outer * blocks * sizeof(double));
  if (!partial) return RN_ERR_OUT_OF_MEMORY;

  const int64_t cost =
      (units < per_block ? units : per_block) * (pieces > 1 ? kElementsPerSum : size);
  parallel_items(ctx, s.kept.outer * blocks, cost, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const Offsets kept = offsets_at(s.kept, item / blocks);
      const int64_t unit0 = item % blocks * per_block;
      const int64_t unit1 = units - unit0 < per_block ? units : unit0 + per_block;
      double total = 0;
      for (int64_t unit = unit0; unit < unit1; ++unit) {
        const Offsets o = both(kept, offsets_at(s.reduced, unit / pieces));
        const int64_t first = unit % pieces * kElementsPerSum;
        const int64_t count = size - first < kElementsPerSum ? size - first : kElementsPerSum;
        total += sum_lanes(count, [&](int64_t i, auto at) {
          return at.keep(slope<F, kOfA>(s, o, first + i, at), 0);
        });
      }
      partial[item] = total;
    }
  });
  for (int64_t k = 0; k < s.kept.outer; ++k) {
    const Offsets kept = offsets_at(s.kept, k);
    float* d = s.d + (kOfA ? kept.a : kept.b);
    double total = s.add ? *d : 0;
    for (int64_t block = 0; block < blocks; ++block) total += partial[k * blocks + block];
    *d = (float)total;
  }
  return RN_OK;
}

// The gradient of a (kOfA) or of b, into `grad`.
template <class F, bool kOfA>
int32_t one_side(RnContext* ctx, const void* a, const void* b, const void* dy, const RnGrad& grad,
                 const Broadcast& s) {
  if (grad.mode == RN_GRAD_SKIP) return RN_OK;
  const Side side = side_of(a, b, dy, grad, s, kOfA);
  const bool varies = kOfA ? side.a_varies : side.b_varies;
  if (!varies && s.inner.size > 1) return sum_along_rows<F, kOfA>(ctx, side);
  if (side.reduced.dims > 0) return sum_of_rows<F, kOfA>(ctx, side);
  elementwise<F, kOfA>(ctx, side);
  return RN_OK;
}

inline void clear_written(const RnGrad& grad, int64_t n) {
  if (grad.mode == RN_GRAD_WRITE && n > 0) memset(grad.data, 0, (size_t)n * sizeof(float));
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_BROADCAST_SUM_H_

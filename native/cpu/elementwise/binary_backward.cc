// Gradients of the binary functions. An operand that was broadcast gets a sum over its broadcast
// axes. The sum is formed in blocks of a size fixed by the shapes (so the threads may share the
// blocks and the result does not depend on how), and the blocks are joined in double, in order.
#include "native/abi/backend.h"
#include "native/cpu/elementwise/broadcast.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kRowsPerBlock = 128;        // rows added up in float
constexpr int64_t kElementsPerBlock = 16384;  // elements added up by sum_lanes

// One operand's gradient: which axes it keeps and which it is summed over.
struct Side {
  const float *a, *b, *dy;
  float* d;
  bool add;
  bool a_varies,
      b_varies;  // along the inner axis. Asked per vector: one copy of the code a function
  Broadcast kept, reduced;  // both share the inner axis
};

Side side_of(const RnBinaryBackward* args, const Broadcast& s, bool of_a) {
  const RnGrad& grad = of_a ? args->da : args->db;
  Side side = {(const float*)args->a,
               (const float*)args->b,
               (const float*)args->dy,
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

Offsets both(const Offsets& x, const Offsets& y) {
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
  const int64_t size = s.kept.inner.size, pieces = (size + kChunk - 1) / kChunk;
  parallel_items(ctx, s.kept.outer * pieces, pieces > 1 ? kChunk : size,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t item = begin; item < end; ++item) {
                     const Offsets o = offsets_at(s.kept, item / pieces);
                     float* d = s.d + (kOfA ? o.a : o.b);
                     const int64_t first = item % pieces * kChunk;
                     const int64_t last = size - first < kChunk ? size : first + kChunk;
                     each_vector(first, last, [&](int64_t i, auto at) {
                       const vf g = slope<F, kOfA>(s, o, i, at);
                       if (s.add) {
                         put<true>(at, d + i, g);
                       } else {
                         put<false>(at, d + i, g);
                       }
                     });
                   }
                 });
}

// The operand varies along the inner axis: rows are added up. partial: [blocks, kept elements].
template <class F, bool kOfA>
int32_t sum_of_rows(RnContext* ctx, const Side& s) {
  const int64_t size = s.kept.inner.size, elements = s.kept.outer * size;
  const int64_t blocks = (s.reduced.outer + kRowsPerBlock - 1) / kRowsPerBlock;
  const int64_t pieces = (size + kChunk - 1) / kChunk;
  float* partial = scratch_floats(ctx, blocks * elements);
  if (!partial) return RN_ERR_OUT_OF_MEMORY;

  const int64_t rows_each = s.reduced.outer < kRowsPerBlock ? s.reduced.outer : kRowsPerBlock;
  const int64_t cost = rows_each * (pieces > 1 ? kChunk : size);
  parallel_items(ctx, blocks * s.kept.outer * pieces, cost, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t block = item / (s.kept.outer * pieces), row0 = block * kRowsPerBlock;
      const int64_t rest = s.reduced.outer - row0;
      const int64_t row1 = row0 + (rest < kRowsPerBlock ? rest : kRowsPerBlock);
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
  const int64_t pieces = (size + kElementsPerBlock - 1) / kElementsPerBlock;
  const int64_t units = s.reduced.outer * pieces;
  const int64_t per_block = size < kElementsPerBlock ? kElementsPerBlock / size : 1;
  const int64_t blocks = (units + per_block - 1) / per_block;
  double* partial = (double*)ctx->scratch(ctx->runtime, s.kept.outer * blocks * sizeof(double));
  if (!partial) return RN_ERR_OUT_OF_MEMORY;

  const int64_t cost =
      (units < per_block ? units : per_block) * (pieces > 1 ? kElementsPerBlock : size);
  parallel_items(ctx, s.kept.outer * blocks, cost, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const Offsets kept = offsets_at(s.kept, item / blocks);
      const int64_t unit0 = item % blocks * per_block;
      const int64_t unit1 = units - unit0 < per_block ? units : unit0 + per_block;
      double total = 0;
      for (int64_t unit = unit0; unit < unit1; ++unit) {
        const Offsets o = both(kept, offsets_at(s.reduced, unit / pieces));
        const int64_t first = unit % pieces * kElementsPerBlock;
        const int64_t count = size - first < kElementsPerBlock ? size - first : kElementsPerBlock;
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

template <class F, bool kOfA>
int32_t one_side(RnContext* ctx, const RnBinaryBackward* args, const Broadcast& s) {
  const Side side = side_of(args, s, kOfA);
  const bool varies = kOfA ? side.a_varies : side.b_varies;
  if (!varies && s.inner.size > 1) return sum_along_rows<F, kOfA>(ctx, side);
  if (side.reduced.dims > 0) return sum_of_rows<F, kOfA>(ctx, side);
  elementwise<F, kOfA>(ctx, side);
  return RN_OK;
}

template <class F>
int32_t backward(RnContext* ctx, const RnBinaryBackward* args) {
  const Broadcast s = broadcast(args->dims, args->shape, args->a_strides, args->b_strides);
  if (args->da.mode != RN_GRAD_SKIP) {
    const int32_t status = one_side<F, true>(ctx, args, s);
    if (status != RN_OK) return status;
  }
  if (args->db.mode == RN_GRAD_SKIP) return RN_OK;
  return one_side<F, false>(ctx, args, s);
}

void clear_written(const RnGrad& grad, int64_t n) {
  if (grad.mode == RN_GRAD_WRITE && n > 0) memset(grad.data, 0, (size_t)n * sizeof(float));
}

}  // namespace

int32_t binary_backward(RnContext* ctx, const RnBinaryBackward* args) {
  static constexpr int32_t (*kBackward[RN_BINARY_COUNT])(RnContext*, const RnBinaryBackward*) = {
      backward<Add>, backward<Sub>,     backward<Mul>,
      backward<Div>, backward<Maximum>, backward<Minimum>};
  if (args->op < 0 || args->op >= RN_BINARY_COUNT) return RN_ERR_UNSUPPORTED;
  if (empty(args->dims, args->shape)) {
    clear_written(args->da, args->a_size);
    clear_written(args->db, args->b_size);
    return RN_OK;
  }
  return kBackward[args->op](ctx, args);
}

}  // namespace rnnative::cpu::RN_ISA

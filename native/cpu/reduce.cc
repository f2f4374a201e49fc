// Sum, mean and maximum over the middle axis of [outer, n, inner]. Two shapes of loop: along rows
// when inner is 1, else down the columns with a vector of neighbours at a time. Long sums are cut
// into blocks of a fixed size that are joined in double, which keeps them accurate and lets the
// team share a single sum without the result depending on how.
#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kRowsPerBlock = 128;
constexpr int64_t kElementsPerBlock = 16384;

int64_t blocks_of(int64_t n, int64_t size) {
  return (n + size - 1) / size;
}

// inner = 1. partial: [outer, blocks].
int32_t sum_rows(RnContext* ctx, const RnReduceArgs* args, double factor) {
  const float* x = (const float*)args->x;
  float* y = (float*)args->y;
  const int64_t n = args->n, blocks = blocks_of(n, kElementsPerBlock);
  const auto block_sum = [=](int64_t row, int64_t block) {
    const int64_t first = block * kElementsPerBlock;
    const float* p = x + row * n + first;
    return sum_lanes(least(n - first, kElementsPerBlock),
                     [=](int64_t i, auto at) { return at.load(p + i); });
  };
  if (blocks <= 1) {
    parallel_items(ctx, args->outer, n, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) y[row] = (float)(block_sum(row, 0) * factor);
    });
    return RN_OK;
  }
  double* partial = (double*)ctx->scratch(ctx->runtime, args->outer * blocks * sizeof(double));
  if (!partial) return RN_ERR_OUT_OF_MEMORY;
  parallel_items(ctx, args->outer * blocks, kElementsPerBlock, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) partial[i] = block_sum(i / blocks, i % blocks);
  });
  for (int64_t row = 0; row < args->outer; ++row) {
    double total = 0;
    for (int64_t i = 0; i < blocks; ++i) total += partial[row * blocks + i];
    y[row] = (float)(total * factor);
  }
  return RN_OK;
}

// inner > 1. partial: [blocks, outer, inner].
int32_t sum_columns_of(RnContext* ctx, const RnReduceArgs* args, double factor) {
  const float* x = (const float*)args->x;
  float* y = (float*)args->y;
  const int64_t n = args->n, inner = args->inner, elements = args->outer * inner;
  const int64_t blocks = blocks_of(n, kRowsPerBlock), pieces = blocks_of(inner, kChunk);
  float* partial = scratch_floats(ctx, blocks * elements);
  if (!partial) return RN_ERR_OUT_OF_MEMORY;
  const int64_t cost = least(n, kRowsPerBlock) * least(inner, kChunk);
  parallel_items(ctx, blocks * args->outer * pieces, cost, [=](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t block = item / pieces % blocks, o = item / pieces / blocks;
      const int64_t row0 = block * kRowsPerBlock, row1 = row0 + least(n - row0, kRowsPerBlock);
      const int64_t first = item % pieces * kChunk, last = least(inner, first + kChunk);
      float* sums = partial + block * elements + o * inner;
      for (int64_t row = row0; row < row1; ++row) {
        const float* p = x + (o * n + row) * inner;
        each_vector(first, last, [=](int64_t i, auto at) {
          at.store(sums + i, row == row0 ? at.load(p + i) : at.load(sums + i) + at.load(p + i));
        });
      }
    }
  });
  parallel_items(ctx, elements, blocks, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      double total = 0;
      for (int64_t block = 0; block < blocks; ++block) total += partial[block * elements + i];
      y[i] = (float)(total * factor);
    }
  });
  return RN_OK;
}

// The first maximum of a row; the first NaN if there is one.
int64_t row_argmax(const float* x, int64_t n) {
  const float lowest = -__builtin_inff();
  vf best = splat(lowest);
  vi unordered = {};
  each_vector(0, n, [&](int64_t i, auto at) {
    const vf v = at.keep(at.load(x + i), lowest);
    unordered |= v != v;
    best = max(best, v);
  });
  bool nan = false;
  for (int lane = 0; lane < kLanes; ++lane) nan |= unordered[lane] != 0;
  const float highest = max_of(best);
  for (int64_t i = 0; i < n; ++i) {
    if (nan ? x[i] != x[i] : x[i] == highest) return i;
  }
  return 0;
}

void max_rows(RnContext* ctx, const RnReduceArgs* args) {
  const float* x = (const float*)args->x;
  parallel_items(ctx, args->outer, args->n, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row_argmax(x + row * args->n, args->n);
      ((float*)args->y)[row] = x[row * args->n + at];
      if (args->argmax) args->argmax[row] = (int32_t)at;
    }
  });
}

// Up to kMaxVectors vectors of columns first .. first + width, side by side: whole cache lines a
// row.
constexpr int kMaxVectors = 4;

template <class Load>
RN_INLINE void max_strip(const RnReduceArgs* args, int64_t o, int64_t first, int vectors,
                         const Load& load_v, vf best[kMaxVectors], vi where[kMaxVectors]) {
  const float* x = (const float*)args->x + o * args->n * args->inner + first;
  for (int v = 0; v < vectors; ++v) {
    best[v] = load_v(x, v);
    where[v] = (vi){};
  }
  for (int64_t k = 1; k < args->n; ++k) {
    const vi index = splat_int((int32_t)k);
    for (int v = 0; v < vectors; ++v) {
      const vf value = load_v(x + k * args->inner, v);
      const vi wins = (best[v] == best[v]) & ((value > best[v]) | (value != value));
      best[v] = select(wins, value, best[v]);
      where[v] = (wins & index) | (~wins & where[v]);
    }
  }
}

void max_columns(RnContext* ctx, const RnReduceArgs* args) {
  constexpr int64_t kStrip = kMaxVectors * kLanes;
  const int64_t inner = args->inner, strips = blocks_of(inner, kStrip);
  parallel_items(ctx, args->outer * strips, args->n * kStrip, [=](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t o = item / strips, first = item % strips * kStrip;
      const int64_t width = least(inner - first, kStrip);
      const int vectors = (int)blocks_of(width, kLanes);
      const auto lanes = [=](int v) { return least(width - v * kLanes, kLanes); };
      vf best[kMaxVectors];
      vi where[kMaxVectors];
      if (width == kStrip) {
        max_strip(
            args, o, first, kMaxVectors, [](const float* p, int v) { return load(p + v * kLanes); },
            best, where);
      } else {
        max_strip(
            args, o, first, vectors,
            [=](const float* p, int v) { return load_first(p + v * kLanes, lanes(v)); }, best,
            where);
      }
      for (int v = 0; v < vectors; ++v) {
        const int64_t at = o * inner + first + v * kLanes;
        store_first((float*)args->y + at, best[v], lanes(v));
        if (args->argmax) store_first((float*)args->argmax + at, (vf)where[v], lanes(v));
      }
    }
  });
}

// Gradients: every dx of a sum is its dy; of a maximum, only the winner's.
vf factor_of(const RnReduceBackward* args) {
  return splat(args->op == RN_MEAN ? (float)(1.0 / (double)args->n) : 1.0f);
}

void spread_rows(RnContext* ctx, const RnReduceBackward* args) {
  const int64_t n = args->n;
  const bool add = args->dx.mode == RN_GRAD_ADD;
  const float* dy = (const float*)args->dy;
  const vf factor = factor_of(args);
  parallel_items(ctx, args->outer, n, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* dx = (float*)args->dx.data + row * n;
      if (args->op == RN_MAX) {
        if (!add) memset(dx, 0, (size_t)n * sizeof(float));
        dx[args->argmax[row]] += dy[row];
        continue;
      }
      const vf g = splat(dy[row]) * factor;
      each_vector(0, n,
                  [=](int64_t i, auto at) { at.store(dx + i, add ? at.load(dx + i) + g : g); });
    }
  });
}

void spread_columns(RnContext* ctx, const RnReduceBackward* args) {
  const int64_t n = args->n, inner = args->inner;
  const bool add = args->dx.mode == RN_GRAD_ADD;
  const vf factor = factor_of(args);
  parallel_items(ctx, args->outer * n, inner, [=](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t row = item / n * inner, k = item % n;
      const float* dy = (const float*)args->dy + row;
      float* dx = (float*)args->dx.data + item * inner;
      each_vector(0, inner, [=](int64_t i, auto at) {
        vf g = at.load(dy + i) * factor;
        if (args->op == RN_MAX) {
          const vi where = (vi)at.load((const float*)args->argmax + row + i);
          g = select(where == splat_int((int32_t)k), g, zero());
        }
        at.store(dx + i, add ? at.load(dx + i) + g : g);
      });
    }
  });
}

}  // namespace

int32_t reduce(RnContext* ctx, const RnReduceArgs* args) {
  if (args->op < 0 || args->op >= RN_REDUCE_COUNT) return RN_ERR_UNSUPPORTED;
  if (args->outer * args->inner == 0) return RN_OK;
  if (args->op == RN_MAX) {
    if (args->inner == 1) {
      max_rows(ctx, args);
    } else {
      max_columns(ctx, args);
    }
    return RN_OK;
  }
  const double factor = args->op == RN_MEAN ? 1.0 / (double)args->n : 1.0;
  return args->inner == 1 ? sum_rows(ctx, args, factor) : sum_columns_of(ctx, args, factor);
}

int32_t reduce_backward(RnContext* ctx, const RnReduceBackward* args) {
  if (args->dx.mode == RN_GRAD_SKIP) return RN_OK;
  if (args->op == RN_MAX) {
    const int64_t count = args->outer * args->inner;
    const int32_t status = check_indices(ctx, "argmax", args->argmax, count, args->n - 1);
    if (status != RN_OK) return status;
  }
  if (args->inner == 1) {
    spread_rows(ctx, args);
  } else {
    spread_columns(ctx, args);
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

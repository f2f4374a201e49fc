// Compiled without contraction of a * b + c (CMakeLists.txt): then scaled values are the same on
// all instruction sets, too.
#include "native/cpu/gemm/int8.h"

#include "native/cpu/core/parallel.h"
#include "native/cpu/gemm/pack.h"
#include "native/cpu/gemm/share.h"
#include "native/cpu/simd/int8.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kSerialWork = 800000;   // as in gemm.cc, of products that take a quarter
constexpr float kNothing = 0x1p-100f;     // rows whose largest value is below are zero
constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23: adding it rounds, ties to even

// The largest magnitude of n values; NaN where one is not finite.
float largest(const float* x, int64_t n) {
  vf most = zero(), wrong = zero();
  int64_t i = 0;
  const auto take = [&](vf value) {
    most = max(most, abs(value));
    wrong = wrong + (value - value);
  };
  for (; i + kLanes <= n; i += kLanes) take(load(x + i));
  if (i < n) take(load_first(x + i, n - i));
  const float bad = sum(wrong);
  return bad == 0 ? max_of(most) : bad;
}

// body(value, bytes of it) over a row's vectors, each rounded after `of` has scaled it.
template <class Of>
RN_INLINE void put_bytes(const float* x, int64_t n, int offset, const Of& of, uint8_t* out) {
  int64_t i = 0;
  const auto bytes = [&](vf value) {
    return (vi)(of(value) + splat(kRounding)) + splat_int(offset);
  };
  for (; i + kLanes <= n; i += kLanes) store_bytes(out + i, bytes(load(x + i)));
  if (i == n) return;
  uint8_t last[kLanes];
  store_bytes(last, bytes(load_first(x + i, n - i)));
  memcpy(out + i, last, (size_t)(n - i));
}

// The scale of a row of a weight, rounded up to 16 bits: its products with int8 are exact in f32.
float weight_scale(const float* row, int64_t n) {
  const float most = largest(row, n);
  if (most < kNothing) return 0;
  float scale = most / 127.0f;
  if (scale != scale) return scale;
  uint32_t bits;
  memcpy(&bits, &scale, sizeof(bits));
  bits = (bits + 0xff) & ~0xffu;
  memcpy(&scale, &bits, sizeof(bits));
  return scale;
}

constexpr int64_t kStretch = 256;

// A column of a panel: n values of a row by its scale.
void pack_column(const float* x, int64_t n, float scale, int64_t vectors, uint32_t* out,
                 int32_t* offset) {
  alignas(64) uint8_t bytes[kStretch + kLanes];
  int32_t total = 0;
  for (int64_t i0 = 0; i0 < n; i0 += kStretch) {
    const int64_t count = n - i0 < kStretch ? n - i0 : kStretch, words = int8_turns(count);
    memset(bytes + count, 0, 4);
    if (scale > 0) {
      put_bytes(x + i0, count, 0, [=](vf value) { return value / scale; }, bytes);
    } else {
      memset(bytes, 0, (size_t)count);  // zeros, or a scale that is not finite
    }
    for (int64_t i = 0; i < count; ++i) total += (int8_t)bytes[i];
    for (int64_t t = 0; t < words; ++t)
      memcpy(out + (i0 / 4 + t) * vectors * kLanes, bytes + 4 * t, 4);
  }
  *offset = kOffset * total;
}

template <int kRows, int kVectors>
__attribute__((noinline)) void tile(const uint32_t* a, int64_t stride, const uint32_t* b,
                                    int64_t turns, float* sums) {
  // One row has too few sums to hide an instruction's latency: it takes several turns at once.
  constexpr int kSets = kRows > 1 ? 1 : kVectors > 2 ? 2 : 4;
  vi acc[kSets][kRows][kVectors] = {};
  const auto turn = [&](int set) __attribute__((always_inline)) {
    vi right[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) right[v] = load_int((const int32_t*)b + v * kLanes);
    if constexpr (kRows == 1) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) prefetch(b + (kTurnsAhead * kVectors + v) * kLanes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      int32_t word;
      memcpy(&word, a + r * stride, 4);
      const vi left = splat_int(word);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) acc[set][r][v] = dot_bytes(left, right[v], acc[set][r][v]);
    }
    ++a;
    b += kVectors * kLanes;
  };
  int64_t t = 0;
  for (; t + kSets <= turns; t += kSets) {
#pragma GCC unroll 4
    for (int set = 0; set < kSets; ++set) turn(set);
  }
  if constexpr (kSets > 1)
    for (; t < turns; ++t) turn(0);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      vi total = acc[0][r][v];
#pragma GCC unroll 4
      for (int set = 1; set < kSets; ++set) total = total + acc[set][r][v];
      store_int((int32_t*)sums + (r * kVectors + v) * kLanes, total);
    }
}

// Columns j .. of rows i .. of C from their sums.
void put_sums(const Gemm& g, int64_t i, int64_t rows, int64_t j, int64_t vectors,
              const float* sums) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v, sums += kLanes) {
      const int64_t at = j + v * kLanes, rest = g.n - at;
      float* c = g.c + (i + r) * g.ldc + at;
      vf x = load(sums);
      if (rest >= kLanes) {
        if (g.bias) x = x + load(g.bias + at);
        if (g.accumulate) x = x + load(c);
        store(c, x);
      } else {
        if (g.bias) x = x + load_first(g.bias + at, rest);
        if (g.accumulate) x = x + load_first(c, rest);
        store_first(c, x, rest);
      }
    }
}

int64_t vectors_of(int64_t columns) {
  const int64_t vectors = (columns + kLanes - 1) / kLanes;
  return vectors < kInt8Vectors ? vectors : kInt8Vectors;
}
int64_t panels_of(int64_t n) {
  return (n + kInt8Columns - 1) / kInt8Columns;
}

// Rows that pass over a panel together.
constexpr int64_t kInt8Block = 32 * kInt8Rows;

struct QuantisedRows {
  uint32_t* words;
  float* scales;
  int64_t stride;
};

void multiply_part(const Gemm& g, const Int8Matrix& b, const QuantisedRows& a, Range rows,
                   Range panels) {
  alignas(64) float sums[kInt8Rows * kInt8Columns];
  for (int64_t i0 = rows.begin; i0 < rows.end; i0 += kInt8Block) {
    const int64_t i1 = i0 + kInt8Block < rows.end ? i0 + kInt8Block : rows.end;
    for (int64_t p = panels.begin; p < panels.end; ++p) {
      const int64_t j = p * kInt8Columns, vectors = vectors_of(g.n - j);
      for (int64_t i = i0; i < i1; i += kInt8Rows) {
        const int64_t count = i1 - i < kInt8Rows ? i1 - i : kInt8Rows;
        multiply_int8(b, p, vectors, a.words + i * a.stride, a.stride, a.scales + i, count, sums);
        put_sums(g, i, count, j, vectors, sums);
      }
    }
  }
}

}  // namespace

size_t int8_bytes(int64_t panels, int64_t k) {
  return (size_t)(panels * kInt8Columns * (int8_turns(k) + 2)) * sizeof(uint32_t);
}
Int8Matrix int8_matrix(const void* packed, int64_t panels, int64_t k) {
  const auto* words = (const uint32_t*)packed;
  const int64_t turns = int8_turns(k);
  const auto* scales = (const float*)(words + panels * turns * kInt8Columns);
  return {words, scales, (const int32_t*)(scales + panels * kInt8Columns), turns};
}

void pack_int8_panel(const Int8Source& source, const int64_t* rows, int64_t columns, int64_t panel,
                     int64_t panels, void* packed) {
  const Int8Matrix to = int8_matrix(packed, panels, source.k);
  const int64_t vectors = vectors_of(columns);
  auto* words = (uint32_t*)to.panel(panel);
  auto* scales = (float*)to.scales + panel * kInt8Columns;
  auto* offsets = (int32_t*)to.offsets + panel * kInt8Columns;
  memset(words, 0, (size_t)(to.turns * vectors * kLanes) * sizeof(*words));
  memset(scales, 0, kInt8Columns * sizeof(*scales));
  memset(offsets, 0, kInt8Columns * sizeof(*offsets));
  for (int64_t j = 0; j < columns; ++j) {
    if (rows[j] < 0) continue;
    const float* row = source.data + rows[j] * source.ld;
    scales[j] = weight_scale(row, source.ld);
    pack_column(row + source.first, source.k, scales[j], vectors, words + j, offsets + j);
  }
}

void pack_int8(RnContext* ctx, const Int8Source& source, int64_t n, const int32_t* columns,
               void* packed) {
  const int64_t panels = panels_of(n);
  parallel_for(ctx, panels, 65536 / (source.ld * kInt8Columns + 1), [&](int64_t p0, int64_t p1) {
    for (int64_t p = p0; p < p1; ++p) {
      int64_t rows[kInt8Columns];
      const int64_t j = p * kInt8Columns, rest = n - j;
      const int64_t count = rest < kInt8Columns ? rest : kInt8Columns;
      for (int64_t i = 0; i < count; ++i) rows[i] = columns ? columns[j + i] : j + i;
      pack_int8_panel(source, rows, count, p, panels, packed);
    }
  });
}

float quantise_row(const float* x, int64_t k, uint32_t* words) {
  auto* bytes = (uint8_t*)words;
  memset(words + k / 4, kOffset, (size_t)(int8_turns(k) - k / 4) * 4);
  const float most = largest(x, k);
  if (!(most >= kNothing)) {  // NaN included
    memset(bytes, kOffset, (size_t)k);
    return most == most ? 0 : most;
  }
  const float by = 127.0f / most;
  put_bytes(x, k, kOffset, [=](vf value) { return value * by; }, bytes);
  return most / 127.0f;
}

void multiply_int8(const Int8Matrix& b, int64_t panel, int64_t vectors, const uint32_t* a,
                   int64_t stride, const float* scales, int64_t rows, float* sums) {
  const uint32_t* words = b.panel(panel);
  with_rows<kInt8Rows>(rows, [&]<int kRows>() __attribute__((always_inline)) {
    with_rows<kInt8Vectors>(vectors, [&]<int kVectors>() __attribute__((always_inline)) {
      tile<kRows, kVectors>(a, stride, words, b.turns, sums);
    });
  });
  const float* by = b.scales + panel * kInt8Columns;
  const int32_t* offsets = b.offsets + panel * kInt8Columns;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors * kLanes; v += kLanes, sums += kLanes)
      store(sums, to_float(load_int((const int32_t*)sums) - load_int(offsets + v)) *
                      (scales[r] * load(by + v)));
}

int32_t gemm_int8(RnContext* ctx, const Gemm& g) {
  if (g.trans_a || (!g.packed_b && !g.trans_b)) return RN_ERR_UNSUPPORTED;
  const ScratchScope scope(ctx);
  const int64_t panels = panels_of(g.n);
  const void* packed = g.packed_b;
  if (!packed) {
    constexpr uint32_t kKind = 5;  // 1 to 4 are of other precisions
    int32_t fresh = 0;
    void* made =
        ctx->packed(ctx->runtime, g.b.id, g.b.version, kKind, int8_bytes(panels, g.k), &fresh);
    if (!made) return RN_ERR_OUT_OF_MEMORY;
    if (fresh) pack_int8(ctx, {(const float*)g.b.data, g.ldb, 0, g.k}, g.n, nullptr, made);
    packed = made;
  }
  const Int8Matrix b = int8_matrix(packed, panels, g.k);
  const int64_t stride = b.turns + (b.turns % 16 == 0 ? 1 : 0);  // rows in different sets of L1
  auto* words = (uint32_t*)scratch_floats(ctx, g.m * (stride + 1));
  if (!words) return RN_ERR_OUT_OF_MEMORY;
  const QuantisedRows a = {words, (float*)(words + g.m * stride), stride};
  const auto quantise = [&](Range rows) {
    for (int64_t i = rows.begin; i < rows.end; ++i)
      a.scales[i] = quantise_row(g.a + i * g.lda, g.k, a.words + i * stride);
  };
  if (ctx->threads <= 1 || g.m * g.n * g.k < kSerialWork) {
    quantise({0, g.m});
    multiply_part(g, b, a, {0, g.m}, {0, panels});
    return RN_OK;
  }
  Barrier barrier;
  parallel_team(ctx, [&](int thread, int threads) {
    quantise(split(g.m, threads, thread));
    barrier.wait(threads);
    const Grid grid = grid_of(g, threads);
    if (thread >= grid.across * grid.along) return;
    multiply_part(g, b, a, split(g.m, grid.across, thread / grid.along, kInt8Rows),
                  split(panels, grid.along, thread % grid.along));
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

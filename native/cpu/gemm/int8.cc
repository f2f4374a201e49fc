// Compiled without contraction of a * b + c (CMakeLists.txt): then scaled sums are the same on all
// instruction sets, too.
//
// A packed weight is panels of kVectors8 vectors of columns; a panel holds, for each turn of four
// values of k, a word of four int8 for each column of its vectors (the last panel has only those
// that hold columns). Behind all panels lie the columns' scales, and what is to be subtracted from
// their sums where rows are multiplied as unsigned bytes (kOffset). Rows of the left operand are
// quantised for each product.
#include "native/cpu/gemm/int8.h"

#include "native/cpu/core/parallel.h"
#include "native/cpu/gemm/kernel.h"
#include "native/cpu/gemm/share.h"
#include "native/cpu/simd/int8.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// A tile: rows of A by a panel of B.
constexpr int kVectors8 = 4;
constexpr int kRows8 = kAccumulators / kVectors8;
constexpr int64_t kColumns8 = kVectors8 * kLanes;
// Rows that pass over a panel together.
constexpr int64_t kBlock8 = 32 * kRows8;
constexpr int64_t kSerialWork8 =
    800000;  // as in gemm.cc, of products that take a quarter of the time

constexpr float kNothing = 0x1p-100f;     // rows whose largest value is below are zero
constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23: adding it rounds, ties to even

struct Packed {
  uint32_t* words;
  float* scales;     // of each column, kColumns8 a panel
  int32_t* offsets;  // likewise
  int64_t turns;

  uint32_t* panel(int64_t p) const { return words + p * turns * kColumns8; }
};
int64_t panels_of(int64_t n) {
  return (n + kColumns8 - 1) / kColumns8;
}
int64_t vectors_of(int64_t columns) {
  const int64_t vectors = (columns + kLanes - 1) / kLanes;
  return vectors < kVectors8 ? vectors : kVectors8;
}
int64_t turns_of(int64_t k) {
  return (k + 3) / 4;
}
size_t bytes_of(int64_t panels, int64_t k) {
  return (size_t)(panels * kColumns8 * (turns_of(k) + 2)) * sizeof(uint32_t);
}
Packed packed_at(void* packed, int64_t panels, int64_t k) {
  auto* words = (uint32_t*)packed;
  auto* scales = (float*)(words + panels * turns_of(k) * kColumns8);
  return {words, scales, (int32_t*)(scales + panels * kColumns8), turns_of(k)};
}

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

// Values scaled by `of` as bytes.
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

// Rounded up to 16 bits: its products with whole numbers are exact in f32.
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

// A column of a panel. Answers what is to be subtracted from its sums.
int32_t pack_column(const float* x, int64_t n, float scale, int64_t vectors, uint32_t* out) {
  constexpr int64_t kStretch = 256;
  alignas(64) uint8_t bytes[kStretch + 4];
  int32_t total = 0;
  for (int64_t i0 = 0; i0 < n; i0 += kStretch) {
    const int64_t count = n - i0 < kStretch ? n - i0 : kStretch;
    memset(bytes + count, 0, 4);
    if (scale > 0) {
      put_bytes(x + i0, count, 0, [=](vf value) { return value / scale; }, bytes);
    } else {
      memset(bytes, 0, (size_t)count);  // zeros, or a scale that is not finite
    }
    for (int64_t i = 0; i < count; ++i) total += (int8_t)bytes[i];
    for (int64_t t = 0; t < turns_of(count); ++t)
      memcpy(out + (i0 / 4 + t) * vectors * kLanes, bytes + 4 * t, 4);
  }
  return kOffset * total;
}

// `weight`: [n, k], rows ld apart.
void pack(RnContext* ctx, const float* weight, int64_t ld, int64_t n, int64_t k, const Packed& to) {
  parallel_for(ctx, panels_of(n), 65536 / (k * kColumns8 + 1), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p * kColumns8, rest = n - first, vectors = vectors_of(rest);
      uint32_t* words = to.panel(p);
      memset(words, 0, (size_t)(to.turns * vectors * kLanes) * sizeof(*words));
      memset(to.scales + first, 0, kColumns8 * sizeof(float));
      memset(to.offsets + first, 0, kColumns8 * sizeof(int32_t));
      for (int64_t j = 0; j < kColumns8 && j < rest; ++j) {
        const float* row = weight + (first + j) * ld;
        const float scale = weight_scale(row, k);
        to.scales[first + j] = scale;
        to.offsets[first + j] = pack_column(row, k, scale, vectors, words + j);
      }
    }
  });
}

// A row of A as words. Answers the scale.
float quantise(const float* x, int64_t k, uint32_t* words) {
  auto* bytes = (uint8_t*)words;
  memset(words + k / 4, kOffset, (size_t)(turns_of(k) - k / 4) * 4);
  const float most = largest(x, k);
  if (!(most >= kNothing)) {  // NaN included
    memset(bytes, kOffset, (size_t)k);
    return most == most ? 0 : most;
  }
  const float by = 127.0f / most;
  put_bytes(x, k, kOffset, [=](vf value) { return value * by; }, bytes);
  return most / 127.0f;
}

// Sums of kRows rows of words and kVectors vectors of a panel: [row][vector][lane].
template <int kRows, int kVectors>
__attribute__((noinline)) void tile(const uint32_t* a, int64_t stride, const uint32_t* b,
                                    int64_t turns, int32_t* sums) {
  // One row has too few sums to hide an instruction's latency: it takes several turns at once.
  constexpr int kSets = kRows > 1 ? 1 : kVectors > 2 ? 2 : 4;
  vi acc[kSets][kRows][kVectors] = {};
  const auto turn = [&](int set) __attribute__((always_inline)) {
    vi right[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) right[v] = load_int((const int32_t*)b + v * kLanes);
    if constexpr (kRows == 1) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) prefetch(b + kTurnsAhead * kVectors * kLanes + v * kLanes);
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
      store_int(sums + (r * kVectors + v) * kLanes, total);
    }
}

struct Rows {
  uint32_t* words;
  float* scales;
  int64_t stride;
};

// Rows i .. i + count of C in panel p, from sums, which they replace by what is scaled.
void put_sums(const Gemm& g, const Packed& b, int64_t p, int64_t vectors, const float* scales,
              int64_t i, int64_t count, const int32_t* sums) {
  for (int64_t r = 0; r < count; ++r)
    for (int64_t v = 0; v < vectors; ++v, sums += kLanes) {
      const int64_t at = p * kColumns8 + v * kLanes, rest = g.n - at;
      float* c = g.c + (i + r) * g.ldc + at;
      vf x =
          to_float(load_int(sums) - load_int(b.offsets + at)) * (scales[r] * load(b.scales + at));
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

void multiply_part(const Gemm& g, const Packed& b, const Rows& a, Range rows, Range panels) {
  alignas(64) int32_t sums[kRows8 * kColumns8];
  for (int64_t i0 = rows.begin; i0 < rows.end; i0 += kBlock8) {
    const int64_t i1 = i0 + kBlock8 < rows.end ? i0 + kBlock8 : rows.end;
    for (int64_t p = panels.begin; p < panels.end; ++p) {
      const int64_t vectors = vectors_of(g.n - p * kColumns8);
      const uint32_t* panel = b.panel(p);
      for (int64_t i = i0; i < i1; i += kRows8) {
        const int64_t count = i1 - i < kRows8 ? i1 - i : kRows8;
        const uint32_t* words = a.words + i * a.stride;
        with_rows<kRows8>(count, [&]<int kRows>() __attribute__((always_inline)) {
          with_rows<kVectors8>(vectors, [&]<int kVectors>() __attribute__((always_inline)) {
            tile<kRows, kVectors>(words, a.stride, panel, b.turns, sums);
          });
        });
        put_sums(g, b, p, vectors, a.scales + i, i, count, sums);
      }
    }
  }
}

}  // namespace

int32_t gemm_int8(RnContext* ctx, const Gemm& g) {
  if (g.trans_a || !g.trans_b || g.packed_b) return RN_ERR_UNSUPPORTED;
  const int64_t panels = panels_of(g.n);
  constexpr uint32_t kKind = 5;  // 1 to 4 are gemm.cc's
  int32_t fresh = 0;
  void* packed =
      ctx->packed(ctx->runtime, g.b.id, g.b.version, kKind, bytes_of(panels, g.k), &fresh);
  if (!packed) return RN_ERR_OUT_OF_MEMORY;
  const Packed b = packed_at(packed, panels, g.k);
  if (fresh) pack(ctx, (const float*)g.b.data, g.ldb, g.n, g.k, b);
  const int64_t stride = b.turns + (b.turns % 16 == 0 ? 1 : 0);  // rows in different sets of L1
  auto* words = (uint32_t*)scratch_floats(ctx, g.m * (stride + 1));
  if (!words) return RN_ERR_OUT_OF_MEMORY;
  const Rows a = {words, (float*)(words + g.m * stride), stride};
  const auto take = [&](Range rows) {
    for (int64_t i = rows.begin; i < rows.end; ++i)
      a.scales[i] = quantise(g.a + i * g.lda, g.k, a.words + i * stride);
  };
  if (ctx->threads <= 1 || g.m * g.n * g.k < kSerialWork8) {
    take({0, g.m});
    multiply_part(g, b, a, {0, g.m}, {0, panels});
    return RN_OK;
  }
  Barrier barrier;
  parallel_team(ctx, [&](int thread, int threads) {
    take(split(g.m, threads, thread));
    barrier.wait(threads);
    const Grid grid = grid_of(g, threads);
    if (thread >= grid.across * grid.along) return;
    multiply_part(g, b, a, split(g.m, grid.across, thread / grid.along, kRows8),
                  split(panels, grid.along, thread % grid.along));
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

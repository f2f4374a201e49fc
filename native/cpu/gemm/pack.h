// Packing for the GEMM: copies that make the micro-kernel's reads contiguous.
//
// k is cut into blocks of at most kBlockTurns turns (see element.h), of nearly equal size and
// chosen by k alone. A packed B is the sequence of its k blocks; a block is a sequence of panels of
// kPanel columns; a panel holds, for each turn, its kPanel elements (zeros past n). A block of B's
// panel stays in the L1 cache (16-32 KiB), or in L2 where that is as good (kStreamsFromL2: 64 KiB,
// and half as many passes over C), while the rows of an A block (kBlockM rows, 192 or 384 KiB) pass
// over it from L2, packed too: as many streams as a tile has rows, a power of two apart, would
// contend for the same sets of L1.
#ifndef RNNATIVE_CPU_GEMM_PACK_H_
#define RNNATIVE_CPU_GEMM_PACK_H_

#include "native/cpu/gemm/element.h"
#include "native/cpu/gemm/gemm.h"
#include "native/cpu/gemm/kernel.h"
#include "native/cpu/simd/transpose.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kBlockTurns = kStreamsFromL2 ? 512 : 256;
constexpr int64_t kBlockM = 192;
static_assert(kBlockM % (2 * kTileRows) == 0);  // half a block is whole tiles too
// A tile has more rows than there are address registers: then a row-major A is packed too.
constexpr bool kManyRows = kTileRows > 8;
// Elements of a packed A block, 32 bits each, and what the last store overhangs.
constexpr int64_t kPackedA = kBlockM * kBlockTurns + kLanes;

struct Blocks {
  int64_t k, size;  // whole turns a block, but for the last
  int64_t count() const { return size > 0 ? (k + size - 1) / size : 0; }
  int64_t begin(int64_t i) const { return i * size; }
  int64_t length(int64_t i) const { return (i + 1) * size < k ? size : k - i * size; }
};
template <class E>
RN_INLINE Blocks blocks_of(int64_t k) {
  const int64_t turns = turns_of<E>(k), count = (turns + kBlockTurns - 1) / kBlockTurns;
  return {k, count > 0 ? (turns + count - 1) / count * E::kDepth : 0};
}

struct MatrixB {
  const float* data;
  int64_t ld;
  bool transposed;
  int64_t n;
  const int32_t* columns;  // packed column -> column of data, -1: zeros; NULL: identity
};

RN_INLINE int64_t source_column(const MatrixB& b, int64_t j) {
  if (j >= b.n) return -1;
  return b.columns ? b.columns[j] : j;
}

// kLanes columns, `length` values of k of each one after another in memory (NULL: zeros), as turns
// that are `stride` apart.
template <class E>
void pack_columns(const float* const (&columns)[kLanes], int64_t length, int64_t stride,
                  typename E::Right* out) {
  constexpr int64_t kValues = kLanes * E::kDepth;
  int64_t turn0 = 0, done = 0;  // whole vectors of turns, and the values of k they hold
  for (; done + kValues <= length; done += kValues, turn0 += kLanes) {
    vf x[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) x[i] = columns[i] ? E::right_turns(columns[i] + done) : zero();
    transpose(x);
#pragma GCC unroll 16
    for (int turn = 0; turn < kLanes; ++turn)
      E::store_right(out + (turn0 + turn) * stride, x[turn]);
  }
  for (int i = 0; i < kLanes; ++i) {
    typename E::Right* to = out + turn0 * stride + i;
    const auto put = [=](int64_t turn, typename E::Right x) { to[turn * stride] = x; };
    if (columns[i]) {
      E::each_right(columns[i] + done, 1, length - done, put);
    } else {
      for (int64_t turn = 0; turn < turns_of<E>(length - done); ++turn) put(turn, 0);
    }
  }
}

// Rows k0 .. k0 + length of one panel.
template <class E>
void pack_b_panel(const MatrixB& b, int64_t panel, int64_t k0, int64_t length,
                  typename E::Right* out) {
  const int64_t j0 = panel * kPanel, turns = turns_of<E>(length);
  if (!b.transposed && !b.columns && j0 + kPanel <= b.n) {
    const float* source = b.data + k0 * b.ld + j0;
    for (int64_t t = 0; t < turns; ++t)
      for (int v = 0; v < kPanelVectors; ++v)
        E::pack_lanes(source + v * kLanes, b.ld, t, length, out + t * kPanel + v * kLanes);
    return;
  }
  if (b.transposed) {
    for (int v = 0; v < kPanelVectors; ++v) {
      const float* columns[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        const int64_t column = source_column(b, j0 + v * kLanes + i);
        columns[i] = column < 0 ? nullptr : b.data + column * b.ld + k0;
      }
      pack_columns<E>(columns, length, kPanel, out + v * kLanes);
    }
    return;
  }
  for (int j = 0; j < kPanel; ++j) {
    const int64_t column = source_column(b, j0 + j);
    const auto put = [=](int64_t t, typename E::Right x) { out[t * kPanel + j] = x; };
    if (column < 0) {
      for (int64_t t = 0; t < turns; ++t) put(t, 0);
    } else {
      E::each_right(b.data + k0 * b.ld + column, b.ld, length, put);
    }
  }
}

// kTileRows rows of A, `rows` of them real, `length` values of k of each: [turn][row].
template <class E>
void pack_rows(const float* a, int64_t lda, int64_t rows, int64_t length, typename E::Left* out) {
  constexpr int kVectors = (kTileRows + kLanes - 1) / kLanes;
  constexpr int64_t kValues = kLanes * E::kDepth;
  int64_t turn0 = 0, done = 0;  // as in pack_columns
  // A store overhangs into the next turn, which is written later.
  for (; done + kValues <= length; done += kValues, turn0 += kLanes) {
    vf x[kVectors][kLanes];
    for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        const int row = v * kLanes + i;
        x[v][i] = row < kTileRows && row < rows ? E::left_turns(a + row * lda + done) : zero();
      }
      transpose(x[v]);
    }
    for (int turn = 0; turn < kLanes; ++turn)
      for (int v = 0; v < kVectors; ++v)
        store((float*)(out + (turn0 + turn) * kTileRows + v * kLanes), x[v][turn]);
  }
  typename E::Left* to = out + turn0 * kTileRows;
  for (int64_t i = 0; i < rows; ++i)
    E::each_left(a + i * lda + done, 1, length - done,
                 [=](int64_t turn, typename E::Left x) { to[turn * kTileRows + i] = x; });
}

// Columns m0 .. m0 + rows of a [k, m], k0 .. k0 + length of each, as tiles of kTileRows rows:
// [turn][row].
template <class E>
void pack_transposed(const float* a, int64_t lda, int64_t m, int64_t m0, int64_t rows, int64_t k0,
                     int64_t length, typename E::Left* out) {
  constexpr int kVectors = (kTileRows + kLanes - 1) / kLanes;
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows, turns = turns_of<E>(length);
  // A few turns at a time, so that the rows of A stay in L1 while their columns go to different
  // tiles.
  constexpr int64_t kStep = 8;
  const int64_t whole =
      m - m0 >= kVectors * kLanes ? (m - m0 - kVectors * kLanes) / kTileRows + 1 : 0;
  const int64_t vector_tiles = whole < tiles ? whole : tiles;
  for (int64_t t1 = 0; t1 < turns; t1 += kStep) {
    const int64_t t2 = t1 + kStep < turns ? t1 + kStep : turns;
    for (int64_t t = 0; t < vector_tiles; ++t) {
      float* tile = (float*)(out + t * kTileRows * turns);
      const float* source = a + k0 * lda + m0 + t * kTileRows;
      // A store overhangs into the next turn, which is written later; the last one must not.
      for (int64_t turn = t1; turn < t2; ++turn)
        for (int v = 0; v < kVectors; ++v) {
          const vf x = E::left_lanes(source + v * kLanes, lda, turn, length);
          const int64_t rest = kTileRows - v * kLanes;
          if (turn == turns - 1 && rest < kLanes) {
            store_first(tile + turn * kTileRows + v * kLanes, x, rest);
          } else {
            store(tile + turn * kTileRows + v * kLanes, x);
          }
        }
    }
  }
  for (int64_t i = vector_tiles * kTileRows; i < rows; ++i) {
    typename E::Left* to = out + i / kTileRows * kTileRows * turns + i % kTileRows;
    E::each_left(a + k0 * lda + m0 + i, lda, length,
                 [=](int64_t turn, typename E::Left x) { to[turn * kTileRows] = x; });
  }
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_GEMM_PACK_H_

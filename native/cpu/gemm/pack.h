// Packing for the GEMM: copies that make the micro-kernel's reads contiguous.
//
// k is cut into blocks of at most kBlockK, of nearly equal size and chosen by k alone. A packed B
// is the sequence of its k blocks; a block is a sequence of panels of kPanel columns; a panel
// holds, for each k, its kPanel elements (zeros past n). A tile of B's panel (16-32 KiB) stays in
// the L1 cache while the rows of an A block (kBlockM x kBlockK) pass over it from L2.
#ifndef RNNATIVE_CPU_GEMM_PACK_H_
#define RNNATIVE_CPU_GEMM_PACK_H_

#include "native/cpu/gemm/gemm.h"
#include "native/cpu/gemm/kernel.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kBlockK = 256;
constexpr int64_t kBlockM = 96;
static_assert(kBlockM % kTileRows == 0);
constexpr int64_t kPackedA = kBlockM * kBlockK;  // floats in a packed A block

struct Blocks {
  int64_t k, size;
  int64_t count() const { return size > 0 ? (k + size - 1) / size : 0; }
  int64_t begin(int64_t i) const { return i * size; }
  int64_t length(int64_t i) const { return (i + 1) * size < k ? size : k - i * size; }
};
RN_INLINE Blocks blocks_of(int64_t k) {
  const int64_t count = (k + kBlockK - 1) / kBlockK;
  return {k, count > 0 ? (k + count - 1) / count : 0};
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

// Rows k0 .. k0 + length of one panel.
inline void pack_b_panel(const MatrixB& b, int64_t panel, int64_t k0, int64_t length, float* out) {
  const int64_t j0 = panel * kPanel;
  if (b.transposed) {
    const float* rows[kPanel];
    for (int j = 0; j < kPanel; ++j) {
      const int64_t column = source_column(b, j0 + j);
      rows[j] = column < 0 ? nullptr : b.data + column * b.ld + k0;
    }
    for (int j = 0; j < kPanel; ++j) {
      if (rows[j]) {
        for (int64_t k = 0; k < length; ++k) out[k * kPanel + j] = rows[j][k];
      } else {
        for (int64_t k = 0; k < length; ++k) out[k * kPanel + j] = 0.0f;
      }
    }
    return;
  }
  const float* source = b.data + k0 * b.ld;
  if (!b.columns && j0 + kPanel <= b.n) {
    for (int64_t k = 0; k < length; ++k)
      for (int v = 0; v < kPanelVectors; ++v)
        store(out + k * kPanel + v * kLanes, load(source + k * b.ld + j0 + v * kLanes));
    return;
  }
  for (int j = 0; j < kPanel; ++j) {
    const int64_t column = source_column(b, j0 + j);
    for (int64_t k = 0; k < length; ++k)
      out[k * kPanel + j] = column < 0 ? 0.0f : source[k * b.ld + column];
  }
}

// A[m0 .. m0 + rows, k0 .. k0 + length] in tiles of kTileRows rows, each k-major.
inline void pack_a(const float* a, int64_t lda, bool transposed, int64_t m, int64_t m0,
                   int64_t rows, int64_t k0, int64_t length, float* out) {
  constexpr int kVectors = (kTileRows + kLanes - 1) / kLanes;
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  if (!transposed) {
    for (int64_t i = 0; i < rows; ++i) {
      const float* source = a + (m0 + i) * lda + k0;
      float* tile = out + i / kTileRows * kTileRows * length + i % kTileRows;
      for (int64_t k = 0; k < length; ++k) tile[k * kTileRows] = source[k];
    }
    return;
  }
  // A few k at a time, so that the rows of A stay in L1 while their columns go to different tiles.
  constexpr int64_t kStep = 8;
  for (int64_t k1 = 0; k1 < length; k1 += kStep) {
    const int64_t k2 = k1 + kStep < length ? k1 + kStep : length;
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t i0 = m0 + t * kTileRows;
      float* tile = out + t * kTileRows * length;
      const float* source = a + k0 * lda + i0;
      if (i0 + kVectors * kLanes <= m) {
        // A store overhangs into the next k, which is written later; the last one must not.
        for (int64_t k = k1; k < k2; ++k) {
          const bool overhangs = k == length - 1;
          for (int v = 0; v < kVectors; ++v) {
            const vf x = load(source + k * lda + v * kLanes);
            const int64_t rest = kTileRows - v * kLanes;
            if (overhangs && rest < kLanes) {
              store_first(tile + k * kTileRows + v * kLanes, x, rest);
            } else {
              store(tile + k * kTileRows + v * kLanes, x);
            }
          }
        }
      } else {
        const int64_t count = m - i0 < kTileRows ? m - i0 : kTileRows;
        for (int64_t k = k1; k < k2; ++k)
          for (int64_t r = 0; r < count; ++r) tile[k * kTileRows + r] = source[k * lda + r];
      }
    }
  }
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_GEMM_PACK_H_

// Random orthogonal matrices by Gram-Schmidt in double, in blocks: the second half of a range of
// vectors gives up what it has of the first half, once that is orthonormal, by two matrix products;
// each half does the same within itself, down to a few vectors. So nearly all work is products, of
// tiles held in registers. "Twice is enough" (Giraud et al. 2005): the two products are done twice.
//
// Vectors are rows, padded by zeros to whole vectors of lanes and by two cache lines more, since
// rows a power of two apart would share the same few sets of the caches. What a tile computes
// depends on the shapes alone, never on the thread that takes it.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"
#include "native/cpu/core/normal.h"
#include "native/cpu/core/random_words.h"

namespace rnnative::cpu::RN_ISA {
namespace {

typedef double vd __attribute__((vector_size(RN_VECTOR_BYTES)));
typedef double vd_unaligned __attribute__((vector_size(RN_VECTOR_BYTES), aligned(8), may_alias));
constexpr int kDoubles = RN_VECTOR_BYTES / 8;

RN_INLINE vd load_double(const double* p) {
  return *(const vd_unaligned*)p;
}

constexpr int kNew = 4;                  // rows of a tile that are being made orthogonal
constexpr int kOld = kAccumulators / 4;  // rows, or vectors along rows, that they meet
constexpr int64_t kPiece = 256;    // of a row at a time: a tile's rows stay in the first cache
constexpr int64_t kOldPiece = 64;  // rows at a time, likewise
constexpr int64_t kLeaf = 8;       // vectors that are made orthonormal one by one

struct Vectors {
  double* data;
  int64_t length;  // padded by zeros to whole vectors
  int64_t stride;

  double* row(int64_t i) const { return data + i * stride; }
};

RN_INLINE double sum_lanes(vd x) {
  double total = 0;
  for (int i = 0; i < kDoubles; ++i) total += x[i];
  return total;
}

double dot(const double* a, const double* b, int64_t n) {
  vd sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * kDoubles <= n; i += 4 * kDoubles)
    for (int k = 0; k < 4; ++k)
      sums[k] += load_double(a + i + k * kDoubles) * load_double(b + i + k * kDoubles);
  for (; i < n; i += kDoubles) sums[0] += load_double(a + i) * load_double(b + i);
  return sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// Rows first..last, one after another.
void orthonormalise_few(const Vectors& v, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    double* current = v.row(i);
    for (int round = 0; round < 2; ++round) {
      for (int64_t j = first; j < i; ++j) {
        const double* other = v.row(j);
        const double share = dot(current, other, v.length);
        for (int64_t k = 0; k < v.length; ++k) current[k] -= share * other[k];
      }
    }
    const double scale = 1 / ::sqrt(dot(current, current, v.length));
    for (int64_t k = 0; k < v.length; ++k) current[k] *= scale;
  }
}

// c[i * ld + j] += the products of rows a + i * stride and b + j * stride over n elements.
template <int kRows, int kColumns>
RN_INLINE void dot_tile(const double* a, const double* b, int64_t stride, int64_t n, double* c,
                        int64_t ld) {
  vd sums[kRows][kColumns] = {};
  for (int64_t k = 0; k < n; k += kDoubles) {
    vd right[kColumns];
#pragma GCC unroll 8
    for (int j = 0; j < kColumns; ++j) right[j] = load_double(b + j * stride + k);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const vd left = load_double(a + i * stride + k);
#pragma GCC unroll 8
      for (int j = 0; j < kColumns; ++j) sums[i][j] += left * right[j];
    }
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) c[i * ld + j] += sum_lanes(sums[i][j]);
}

// Rows a + i * stride lose c[i * ld + j] times row b + j * stride, j < count, over kColumns
// vectors.
template <int kRows, int kColumns>
RN_INLINE void subtract_tile(double* a, const double* b, int64_t stride, int64_t count,
                             const double* c, int64_t ld) {
  vd left[kRows][kColumns];
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) left[i][j] = load_double(a + i * stride + j * kDoubles);
  for (int64_t k = 0; k < count; ++k) {
    vd right[kColumns];
#pragma GCC unroll 8
    for (int j = 0; j < kColumns; ++j) right[j] = load_double(b + k * stride + j * kDoubles);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const vd share = c[i * ld + k] - (vd){};
#pragma GCC unroll 8
      for (int j = 0; j < kColumns; ++j) left[i][j] -= share * right[j];
    }
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) *(vd_unaligned*)(a + i * stride + j * kDoubles) = left[i][j];
}

// shares[new, old] of rows begin..end of the old, `count` new rows in all.
void take_shares(const Vectors& v, const double* olds, int64_t begin, int64_t end,
                 const double* news, int64_t count, double* shares, int64_t ld) {
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = begin; j < end; ++j) shares[i * ld + j] = 0;
  for (int64_t k = 0; k < v.length; k += kPiece) {
    const int64_t n = least(kPiece, v.length - k);
    int64_t j = begin;
    const auto over_news = [&](auto whole, auto single) {
      int64_t i = 0;
      for (; i + kNew <= count; i += kNew) whole(i);
      for (; i < count; ++i) single(i);
    };
    const auto at = [&](int64_t i) { return news + i * v.stride + k; };
    for (; j + kOld <= end; j += kOld) {
      const double* old = olds + j * v.stride + k;
      over_news(
          [&](int64_t i) {
            dot_tile<kNew, kOld>(at(i), old, v.stride, n, shares + i * ld + j, ld);
          },
          [&](int64_t i) { dot_tile<1, kOld>(at(i), old, v.stride, n, shares + i * ld + j, ld); });
    }
    for (; j < end; ++j) {
      const double* old = olds + j * v.stride + k;
      over_news(
          [&](int64_t i) { dot_tile<kNew, 1>(at(i), old, v.stride, n, shares + i * ld + j, ld); },
          [&](int64_t i) { dot_tile<1, 1>(at(i), old, v.stride, n, shares + i * ld + j, ld); });
    }
  }
}

// Over kColumns vectors from `first` on: the new rows lose their shares of the old.
template <int kColumns>
void subtract_strip(const Vectors& v, const double* olds, int64_t old_count, double* news,
                    int64_t count, const double* shares, int64_t first) {
  for (int64_t k = 0; k < old_count; k += kOldPiece) {
    const int64_t n = least(kOldPiece, old_count - k);
    const double* old = olds + k * v.stride + first;
    int64_t i = 0;
    for (; i + kNew <= count; i += kNew)
      subtract_tile<kNew, kColumns>(news + i * v.stride + first, old, v.stride, n,
                                    shares + i * old_count + k, old_count);
    for (; i < count; ++i)
      subtract_tile<1, kColumns>(news + i * v.stride + first, old, v.stride, n,
                                 shares + i * old_count + k, old_count);
  }
}

// Rows middle..last lose what they have of rows first..middle, which are orthonormal.
void project(RnContext* ctx, const Vectors& v, int64_t first, int64_t middle, int64_t last,
             double* shares) {
  const int64_t old_count = middle - first, count = last - middle;
  const double* olds = v.row(first);
  double* news = v.row(middle);
  const int64_t groups = (old_count + kOld - 1) / kOld;
  parallel_items(ctx, groups, kOld * count * v.length, [=](int64_t begin, int64_t end) {
    take_shares(v, olds, begin * kOld, least(end * kOld, old_count), news, count, shares,
                old_count);
  });
  constexpr int64_t kStrip = kOld * kDoubles;
  const int64_t strips = (v.length + kStrip - 1) / kStrip;
  parallel_items(ctx, strips, kStrip * count * old_count, [=](int64_t begin, int64_t end) {
    for (int64_t strip = begin; strip < end; ++strip) {
      const int64_t from = strip * kStrip, to = least(from + kStrip, v.length);
      if (to - from == kStrip) {
        subtract_strip<kOld>(v, olds, old_count, news, count, shares, from);
      } else {
        for (int64_t k = from; k < to; k += kDoubles)
          subtract_strip<1>(v, olds, old_count, news, count, shares, k);
      }
    }
  });
}

void orthonormalise(RnContext* ctx, const Vectors& v, int64_t first, int64_t last, double* shares) {
  if (last - first <= kLeaf) return orthonormalise_few(v, first, last);
  const int64_t middle = first + round_up((last - first) / 2, kLeaf);
  orthonormalise(ctx, v, first, middle, shares);
  for (int round = 0; round < 2; ++round) project(ctx, v, first, middle, last, shares);
  orthonormalise(ctx, v, middle, last, shares);
}

// Row i takes the i-th `length` of the stream's numbers, which go on through all rows.
void fill_normal(RnContext* ctx, const Vectors& v, int64_t count, int64_t length,
                 const RnRandom& random) {
  const int64_t n = count * length, blocks = (n + kRandomWords - 1) / kRandomWords;
  parallel_items(ctx, count, v.stride, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t k = length; k < v.length; ++k) v.row(i)[k] = 0;
  });
  parallel_items(ctx, blocks, kRandomWords, [=](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kRandomWords, wanted = least(n - first, kRandomWords);
      uint32_t words[kRandomWords];
      double values[kRandomWords];
      random_words(random, 0, 0, (uint64_t)first / 4, wanted, words);
      for (int64_t i = 0; i < wanted; i += 2) normal_pair(words + i, values + i);
      for (int64_t i = 0; i < wanted; ++i)
        v.row((first + i) / length)[(first + i) % length] = values[i];
    }
  });
}

// y[rows, columns] = gain times the vectors as rows, or turned around as columns.
void store_vectors(RnContext* ctx, const Vectors& v, const RnOrthogonal* args, float* y) {
  constexpr int64_t kTile = 32;
  const int64_t rows = args->rows, columns = args->columns;
  const double gain = args->gain;
  const bool as_rows = rows <= columns;
  parallel_items(ctx, (rows + kTile - 1) / kTile, kTile * columns, [=](int64_t begin, int64_t end) {
    const int64_t last = least(end * kTile, rows);
    for (int64_t r0 = begin * kTile; r0 < last; r0 += kTile)
      for (int64_t c0 = 0; c0 < columns; c0 += kTile)
        for (int64_t r = r0; r < least(r0 + kTile, last); ++r)
          for (int64_t c = c0; c < least(c0 + kTile, columns); ++c)
            y[r * columns + c] = (float)(gain * (as_rows ? v.row(r)[c] : v.row(c)[r]));
  });
}

}  // namespace

int32_t orthogonal(RnContext* ctx, const RnOrthogonal* args) {
  const int64_t rows = args->rows, columns = args->columns;
  const int64_t count = least(rows, columns), length = rows < columns ? columns : rows;
  const int64_t padded = round_up(length, kDoubles), stride = padded + 16;
  const int64_t half = round_up(count / 2, kLeaf);
  double* data = (double*)scratch_floats(ctx, 2 * count * stride);
  double* shares = (double*)scratch_floats(ctx, 2 * half * count);
  if (!data || !shares) return RN_ERR_OUT_OF_MEMORY;
  const Vectors v = {data, padded, stride};
  for (int64_t block = 0; block < args->blocks; ++block) {
    RnRandom random = args->random;
    random.step += (uint64_t)block;
    fill_normal(ctx, v, count, length, random);
    orthonormalise(ctx, v, 0, count, shares);
    store_vectors(ctx, v, args, (float*)args->y + block * rows * columns);
  }
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

// What the phases of forward and backward steps share: a tile's product with a block of a packed
// panel.
//
// The sums never leave the L1 cache: a panel of the weight is cut along k into blocks that fit L1
// and meets all of a thread's rows before the next panel is fetched. So weights far larger than the
// caches are read once per step, and sums are formed in order of k whatever the blocking, the
// number of rows or the threads.
#ifndef RNNATIVE_CPU_RECURRENT_TILE_H_
#define RNNATIVE_CPU_RECURRENT_TILE_H_

#include "native/cpu/gemm/pack.h"
#include "native/cpu/recurrent/cell.h"
#include "native/cpu/recurrent/team.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// sums[kRows][kVectors] (+)= a's rows times `turns` turns of panels of kWidth vectors, panel_stride
// apart. Not inlined: see gemm.cc's tile.
template <class E, int kWidth, int kRows, int kVectors>
__attribute__((noinline)) void multiply_into(float* sums, bool first, const typename E::Left* a,
                                             int64_t row_stride, const typename E::Right* panel,
                                             int64_t panel_stride, int64_t turns,
                                             FetchLines fetch) {
  vf acc[kRows][kVectors];
  if (first) {
    clear(acc);
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = load(sums + (r * kVectors + v) * kLanes);
  }
  multiply<E, kWidth>(acc, a, row_stride, 1, panel, kWidth * kLanes, turns, panel_stride, fetch);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) store(sums + (r * kVectors + v) * kLanes, acc[r][v]);
}

// The block of a weight that a thread takes next, fetched while it multiplies tiles by this one.
struct NextBlock {
  const char* data;
  int64_t left;  // bytes; none where the thread's part of the weight stays in L2
  // For a product of so many turns with `block`.
  RN_INLINE FetchLines during(int64_t turns, const void* block) {
    if (left <= 0) return {(const char*)block, 0};
    const FetchLines lines = {data, 64};
    data += turns * 64;
    left -= turns * 64;
    return lines;
  }
};

// Panels of a weight in the order in which a step visits them. Every other step turns round and
// begins with those that the caches still hold.
struct PanelOrder {
  Range panels;
  bool turned;
  RN_INLINE int64_t count() const { return panels.end - panels.begin; }
  RN_INLINE int64_t at(int64_t i) const { return turned ? panels.end - 1 - i : panels.begin + i; }
};

RN_INLINE void prefetch_floats(const float* p, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) prefetch(p + i);
}
// The tiles of a step that a thread takes through a panel together. Rows are cut evenly, since a
// short tile takes as long as a longer one; a step of fewer rows has the first of the tiles, so
// that a row stays with its group of threads.
struct Tiles {
  int64_t first, end, step;
  Range rows;  // of all `count` tiles, with those that other groups take in turn
  int64_t count;

  int64_t row(int64_t tile) const { return rows.begin + (rows.end - rows.begin) * tile / count; }
};
// body(tiles) over a thread's share of the first `rows` rows, kRowChunk rows of its own at a time.
template <class Body>
RN_INLINE void each_chunk(int64_t rows, int tile_rows, const Place& place, const Body& body) {
  const bool dense = place.dense;
  const Range part = dense ? split(place.batch, place.groups, place.group) : Range{0, place.batch};
  const int64_t length = part.end - part.begin, count = tile_count(length, tile_rows);
  const int64_t used = dense ? count : (rows * count + length - 1) / length;
  const int64_t step = dense ? 1 : place.groups, chunk = kRowChunk / tile_rows * step;
  for (int64_t first = dense ? 0 : place.group; first < used; first += chunk)
    body(Tiles{first, first + chunk < used ? first + chunk : used, step, part, count});
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_TILE_H_

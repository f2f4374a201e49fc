// What the phases of forward and backward steps share: a tile's product with a block of a packed
// panel.
//
// The sums never leave the L1 cache: a panel of the weight is cut along k into blocks that fit L1
// and meets all of a thread's rows before the next panel is fetched. So weights far larger than the
// caches are read once per step, and sums are formed in order of k whatever the blocking, the
// number of rows or the threads.
#ifndef RNNATIVE_CPU_RECURRENT_TILE_H_
#define RNNATIVE_CPU_RECURRENT_TILE_H_

#include "native/cpu/cells/cell.h"
#include "native/cpu/gemm/pack.h"
#include "native/cpu/recurrent_team.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// sums[kRows][kVectors] (+)= a's rows times `turns` turns of the panel. Not inlined: see gemm.cc's
// tile.
template <class E, int kRows, int kVectors>
__attribute__((noinline)) void multiply_into(float* sums, bool first, const typename E::Left* a,
                                             int64_t row_stride, const typename E::Right* panel,
                                             int64_t turns) {
  vf acc[kRows][kVectors];
  if (first) {
    clear(acc);
  } else {
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) acc[r][v] = load(sums + (r * kVectors + v) * kLanes);
  }
  multiply<E>(acc, a, row_stride, 1, panel, kVectors * kLanes, turns);
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) store(sums + (r * kVectors + v) * kLanes, acc[r][v]);
}

RN_INLINE void prefetch_floats(const float* p, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) prefetch(p + i);
}
// The tiles of a step that a thread takes through a panel together.
struct Tiles {
  int64_t first, end, step;
};
// body(tiles) over a thread's share of `rows` rows, kRowChunk rows of its own at a time.
template <class Body>
RN_INLINE void each_chunk(int64_t rows, int tile_rows, const Place& place, const Body& body) {
  const int64_t tiles = (rows + tile_rows - 1) / tile_rows;
  const int64_t chunk = kRowChunk / tile_rows * place.groups;
  for (int64_t first = place.group; first < tiles; first += chunk)
    body(Tiles{first, first + chunk < tiles ? first + chunk : tiles, place.groups});
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_TILE_H_

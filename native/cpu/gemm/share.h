// How the team shares the rows and columns of C.
#ifndef RNNATIVE_CPU_GEMM_SHARE_H_
#define RNNATIVE_CPU_GEMM_SHARE_H_

#include "native/cpu/core/parallel.h"
#include "native/cpu/gemm/gemm.h"
#include "native/cpu/gemm/pack.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// `across` parts of rows by `along` parts of panels.
struct Grid {
  int across, along;
};
inline Grid grid_of(const Gemm& g, int threads) {
  const int64_t tiles = (g.m + kTileRows - 1) / kTileRows, panels = (g.n + kPanel - 1) / kPanel;
  Grid best = {threads, 1};
  int64_t least = INT64_MAX;
  for (int across = threads; across >= 1; --across) {
    const int along = threads / across;
    // Reading a panel or packing a tile's rows takes about as long as a tile's product.
    const int64_t work = (1 + (tiles + across - 1) / across) * (1 + (panels + along - 1) / along);
    if (work < least) {
      least = work;
      best = {across, along};
    }
  }
  return best;
}

// What the caller wants, unless the system granted fewer threads than that takes.
inline const GemmShare* share_of(const Gemm& g, int threads) {
  return g.share && g.share->groups * g.share->members <= threads ? g.share : nullptr;
}

// A thread's rows: the same ones of each period, in tiles that do not cross from one to the next.
// With one period tiles are whole, with more they are cut evenly.
struct RowTiles {
  Range rows;
  int64_t period, in_period, count;
};
inline RowTiles row_tiles(int64_t m, const GemmShare* share, const Grid& grid, int across) {
  const int64_t period = share ? share->period : m;
  const Range rows = split(period, grid.across, across, share ? 1 : kTileRows);
  const int64_t in_period = (rows.end - rows.begin + kTileRows - 1) / kTileRows;
  return {rows, period, in_period, m / period * in_period};
}
// Some of them, that pass over B together.
struct Block {
  static constexpr int64_t kMost = kBlockM / kTileRows;
  int64_t count, highest, row[kMost], height[kMost];
};
inline Block block_of(const RowTiles& tiles, int64_t first, int64_t most) {
  const int64_t length = tiles.rows.end - tiles.rows.begin;
  Block block = {most < tiles.count - first ? most : tiles.count - first, 0, {}, {}};
  const auto start = [&](int64_t i) {
    if (tiles.count > tiles.in_period) return length * i / tiles.in_period;
    return i < tiles.in_period ? i * kTileRows : length;
  };
  for (int64_t i = 0; i < block.count; ++i) {
    const int64_t p = (first + i) / tiles.in_period, in = (first + i) % tiles.in_period;
    block.row[i] = p * tiles.period + tiles.rows.begin + start(in);
    block.height[i] = start(in + 1) - start(in);
    if (block.height[i] > block.highest) block.highest = block.height[i];
  }
  return block;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_GEMM_SHARE_H_

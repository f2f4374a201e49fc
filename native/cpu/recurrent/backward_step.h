// A phase of a backward step: products with parts of R, summed, whose tiles pass straight into the
// cell's elementwise backward.
#ifndef RNNATIVE_CPU_RECURRENT_BACKWARD_STEP_H_
#define RNNATIVE_CPU_RECURRENT_BACKWARD_STEP_H_

#include "native/cpu/recurrent/phases/phases.h"
#include "native/cpu/recurrent/tile.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// A backward product: rows of a [.., k] times a part of R packed by pack_matrix.
template <class E>
struct Product {
  const typename E::Left* a;
  int64_t lda, k;
  const typename E::Right* packed;
};

template <class Phase, int kPanels>
__attribute__((noinline)) void backward_cells(const BackwardStep& s, int64_t row, int64_t rows,
                                              int64_t panel, float* sums) {
  const int64_t units = s.stride / kLanes, first = panel * kPanelVectors;
  after_product(s.phases, s.stride, row, rows, first, kPanels * kPanelVectors, sums);
  for (int64_t r = 0; r < rows; ++r, sums += kPanels * kPanel)
    for (int u = 0; u < kPanels * kPanelVectors && first + u < units; ++u)
      Phase::cell(s, row + r, first + u, load(sums + u * kLanes));
}

RN_INLINE void prefetch_row(const BackwardStep& s, int64_t row, int64_t unit, int64_t units) {
  const int64_t unit_floats = s.gate_stride / (s.stride / kLanes);
  const int64_t at = row * s.stride + unit * kLanes, n = units * kLanes;
  prefetch_floats(s.gates + row * s.gate_stride + unit * unit_floats, units * unit_floats);
  if (s.h_prev) prefetch_floats(s.h_prev + at, n);
  if (s.c_prev) prefetch_floats(s.c_prev + at, n);
  if (s.extra) prefetch_floats(s.extra + at, n);
  if (s.dy)
    prefetch_floats(s.dy + (s.dy_order ? s.dy_order[row] : row) * s.dy_stride + unit * kLanes, n);
  const int64_t gates = unit_floats / kLanes;
  float* dgates = s.dgates + row * gates * s.hidden + unit * kLanes;
  for (int64_t g = 0; g < gates; ++g)
    for (int64_t i = 0; i < n; i += 16) __builtin_prefetch(dgates + g * s.hidden + i, 1, 3);
}

// A block of a panel of a product's packed weight, and the columns of its left operand.
template <class E>
struct BackwardBlock {
  int64_t panel;
  const typename E::Right* data;
  const typename E::Left* a;
  int64_t lda, turns;
  bool first, last;
  NextBlock next;
};

// kPanels: how many panels a tile takes at once.
template <class E, class Phase, int kPanels>
RN_INLINE void backward_tiles(const BackwardStep& s, const Tiles& tiles, BackwardBlock<E> block,
                              int64_t product_rows, float* sums) {
  constexpr int kRows = kTileRows / kPanels;
  constexpr int64_t kRowFloats = kPanels * kPanel;
  for (int64_t tile = tiles.first; tile < tiles.end;
       tile += tiles.step, sums += kRows * kRowFloats) {
    const int64_t row = tiles.row(tile), next = tiles.row(tile + 1);
    const int64_t rows = (next < s.rows ? next : s.rows) - row;
    const int64_t rest = product_rows - row, with = rest < 0 ? 0 : rest < rows ? rest : rows;
    if (block.first)
      for (int64_t r = 0; r < rows; ++r)
        prefetch_row(s, row + r, block.panel * kPanelVectors, kPanels * kPanelVectors);
    const FetchLines fetch = block.next.during(block.turns, block.data);
    if (with > 0)
      with_rows<kRows>(with, [&]<int kCount>() __attribute__((always_inline)) {
        multiply_into<E, kPanelVectors, kCount, kPanels * kPanelVectors>(
            sums, block.first, block.a + row * block.lda, block.lda, block.data,
            kPanel * block.turns, block.turns, fetch);
      });
    if (!block.last) continue;
    for (int64_t i = with * kRowFloats; i < rows * kRowFloats; i += kLanes) store(sums + i, zero());
    backward_cells<Phase, kPanels>(s, row, rows, block.panel, sums);
  }
}

// Where block b of a panel of a product's packed weight lies: pack_matrix's order.
template <class E>
const typename E::Right* block_of(const Product<E>& product, int64_t panels, int64_t panel,
                                  int64_t b) {
  const Blocks blocks = blocks_of<E>(product.k);
  const int64_t before = turns_of<E>(blocks.begin(b)) * panels;
  return product.packed + (before + panel * turns_of<E>(blocks.length(b))) * kPanel;
}

// Rows from `product_rows` on have no product: their sums are zero.
template <class E, class Phase>
void backward_phase(const BackwardStep& s, const Product<E>* products, int64_t product_rows,
                    const Place& place, float* sums) {
  constexpr int kProducts = sizeof(Phase::kProducts) / sizeof(ProductSpec);
  constexpr int64_t kTurnBytes = kPanel * sizeof(typename E::Right);
  const int64_t all_panels = (s.hidden + kPanel - 1) / kPanel;
  const Range own = split(all_panels, place.members, place.member);
  // Few rows take two panels at once.
  const int64_t width = place.batch <= kFewRows ? 2 : 1;
  const PanelOrder groups = {{0, (own.end - own.begin + width - 1) / width}, s.turned};
  int64_t turns = 0;
  for (int i = 0; i < kProducts; ++i) turns += turns_of<E>(products[i].k);
  const bool far = (own.end - own.begin) * turns * kTurnBytes > kNearBytes;

  each_chunk(s.rows, kTileRows, place, [&](const Tiles& tiles) {
    for (int64_t n = 0; n < groups.count(); ++n) {
      const int64_t panel = own.begin + groups.at(n) * width;
      const bool two = width == 2 && panel + 1 < own.end, end = n + 1 == groups.count();
      for (int i = 0; i < kProducts; ++i) {
        const Product<E>& product = products[i];
        const Blocks blocks = blocks_of<E>(product.k);
        for (int64_t b = 0; b < blocks.count(); ++b) {
          const int64_t k0 = blocks.begin(b), count = turns_of<E>(blocks.length(b));
          const bool first = i == 0 && b == 0, last_block = b == blocks.count() - 1;
          const bool last = i == kProducts - 1 && last_block;
          const auto* next =
              !last_block ? block_of(product, all_panels, panel, b + 1)
              : !last     ? block_of(products[i + 1], all_panels, panel, 0)
              : end       ? nullptr
                    : block_of(products[0], all_panels, own.begin + groups.at(n + 1) * width, 0);
          const BackwardBlock<E> block = {
              panel,
              block_of(product, all_panels, panel, b),
              product.a + turns_of<E>(k0),
              product.lda,
              count,
              first,
              last,
              {(const char*)next, far && next ? (1 + two) * count * kTurnBytes : 0}};
          if (two) {
            backward_tiles<E, Phase, 2>(s, tiles, block, product_rows, sums);
          } else {
            backward_tiles<E, Phase, 1>(s, tiles, block, product_rows, sums);
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_BACKWARD_STEP_H_

// Which turns of a packed R are not all zero. A pruned R (blocks of 16 units in all gates by 4
// inputs) is packed with its empty turns left out, so that a step reads what is left in one stream,
// and each panel is multiplied run by run. Nothing but zeros is left out: sums stay the same to the
// last bit, where what they are multiplied by is finite.
//
// The table lies behind the packed weight: whether any turns were left out; then, for each panel,
// the count of its runs, the turns that the panels before it hold, and [first turn, turn after the
// last] of each run. A panel has a run at least, which may be empty.
#ifndef RNNATIVE_CPU_RECURRENT_RUNS_H_
#define RNNATIVE_CPU_RECURRENT_RUNS_H_

#include "native/cpu/gemm/element.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <class E>
constexpr int64_t kStretchTurns = 4 / E::kDepth;  // looked at together

template <class E>
RN_INLINE int64_t run_table_row(int64_t turns) {
  return 2 + 2 * ((turns + 2 * kStretchTurns<E> - 1) / (2 * kStretchTurns<E>)+1);
}
template <class E>
RN_INLINE int64_t run_table_size(int64_t panels, int64_t turns) {
  return 1 + panels * run_table_row<E>(turns);
}

// Of either sign.
template <class E>
RN_INLINE bool is_zero(typename E::Right x) {
  if constexpr (E::kPrecision == RN_PRECISION_F32) {
    return x == 0;
  } else {
    return (x & (E::kDepth == 2 ? 0x7fff7fffu : 0x7fffu)) == 0;
  }
}

// Writes a panel's runs, its turns being `width` elements each.
template <class E>
RN_NEVER_INLINE void find_runs(const typename E::Right* panel, int64_t turns, int64_t width,
                               int32_t* row) {
  int32_t count = 0, *runs = row + 2;
  for (int64_t t0 = 0; t0 < turns; t0 += kStretchTurns<E>) {
    const int64_t t1 = t0 + kStretchTurns<E> < turns ? t0 + kStretchTurns<E> : turns;
    const typename E::Right *x = panel + t0 * width, *end = panel + t1 * width;
    while (x < end && is_zero<E>(*x)) ++x;
    if (x == end) continue;
    if (count > 0 && runs[2 * count - 1] == t0) {
      runs[2 * count - 1] = (int32_t)t1;
    } else {
      runs[2 * count] = (int32_t)t0;
      runs[2 * count + 1] = (int32_t)t1;
      ++count;
    }
  }
  if (count == 0) runs[0] = runs[1] = 0;
  row[0] = count > 0 ? count : 1;
}

// Leaves out the empty turns, where they are many. Panels begin `turns` turns of `width` elements
// apart; those of the last are `last_width` wide.
template <class E>
RN_NEVER_INLINE void leave_out_zeros(typename E::Right* packed, int64_t panels, int64_t turns,
                                     int64_t width, int64_t last_width, int32_t* table) {
  const int64_t length = run_table_row<E>(turns);
  int64_t left = 0;
  for (int64_t p = 0; p < panels; ++p) {
    int32_t* row = table + 1 + p * length;
    row[1] = (int32_t)left;
    for (int32_t i = 0; i < row[0]; ++i) left += row[3 + 2 * i] - row[2 + 2 * i];
  }
  table[0] = 4 * left <= 3 * panels * turns;
  if (!table[0]) return;
  for (int64_t p = 0; p < panels; ++p) {
    const int32_t* row = table + 1 + p * length;
    const int64_t own = p == panels - 1 ? last_width : width;
    typename E::Right* to = packed + row[1] * width;
    for (int32_t i = 0; i < row[0]; ++i) {
      const int64_t t0 = row[2 + 2 * i], size = (row[3 + 2 * i] - t0) * own;
      memmove(to, packed + p * turns * width + t0 * own, (size_t)size * sizeof(*to));
      to += size;
    }
  }
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_RUNS_H_

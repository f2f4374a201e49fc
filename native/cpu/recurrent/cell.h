// What a step of a layer is, whatever its cell (native/cells; cells.h turns one into phases). A
// step is a row of phases with a barrier after each; a phase is a product with (part of) the
// recurrent weight, followed at once, tile by tile, by the phase's elementwise function while the
// tile's sums are still in the L1 cache.
//
// Units are handled a vector at a time: "unit vector" u is units u * kLanes ... Rows of internal
// arrays are padded to whole vectors (stride = padded H). Rows of gates hold, for each unit vector,
// its gates one after the other: [unit vector][gate][kLanes], so a tile of the product, its W x and
// what it saves are contiguous.
//
// A forward phase's function is in two stages, run over the rows of a tile one after the other:
// `activate` turns sums into activations (in place), `update` makes the new state of them. Each is
// short enough for the processor to overlap several rows; together their chain of dependent
// instructions (two exponentials) would not fit its window, and latency would double the time.
#ifndef RNNATIVE_CPU_RECURRENT_CELL_H_
#define RNNATIVE_CPU_RECURRENT_CELL_H_

#include "native/cpu/gemm/element.h"
#include "native/cpu/recurrent/phases/zoneout.h"
#include "native/cpu/simd/math.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct StepPhases;  // phases/phases.h

// Of a cell with options; NULL where it has none.
struct CellVariant {
  const RnCellOptions* options;
  const float* peepholes;  // [RN_PEEPHOLES, stride], zero where absent and past H
};

// Pointers are to the first row of the step unless a comment says otherwise.
struct ForwardStep {
  int64_t rows;                   // active rows
  bool turned;                    // panels of the weight from last to first: PanelOrder
  int64_t continuing;             // rows below go on to the next step; the others end with this one
  int64_t hidden, stride;         // H, and H padded to vectors: the row stride of internal arrays
  int64_t summands, left_stride;  // of products: columns of the left operand, and those padded
  float* gates;                   // in: W x + biases; out: activations. Rows gate_stride apart
  int64_t gate_stride;
  int64_t tail_lanes;  // Layout's
  bool from_zero;      // all of h_prev is zero, and not multiplied
  const float *h_prev, *c_prev;
  float *h_next, *c_next;  // for continuing rows
  float* extra;            // a third array of the cell's own
  float* made;  // what the cell makes of h where that is projected (projection.h); NULL: h itself
  const float* recurrent_bias;  // [stride]: b_hh of the gate that must keep it apart (GRU's n)
  float* y;                     // outputs, rows y_stride apart
  int64_t y_stride;
  const int32_t* y_order;  // row r's output is row y_order[r] of y; NULL: row r
  float *hn, *cn;          // [B, H] final states of ending rows, by batch row
  const int32_t* order;    // sorted row -> batch row
  // With bf16, what the products read: h_prev, h_next and extra (or made) once more as rounded left
  // operands
  // (gemm/element.h), rows rounded_stride apart. NULL in f32.
  const Bf16::Left* rounded_h;
  Bf16::Left *rounded_h_next, *rounded_extra;
  int64_t rounded_stride;
  // The product's left operand where phases/phases.h makes one (training): rows as above; or NULL.
  const void* operand;
  Zoneout zoneout;
  CellVariant variant;
};

struct BackwardStep {
  int64_t rows;
  bool turned;         // as in ForwardStep
  int64_t continuing;  // rows below come from a later step; for the others it starts at dhn, dcn
  int64_t hidden, stride;
  const float* gates;  // as saved
  int64_t gate_stride;
  const float *h_prev, *c_prev, *extra;
  const float* dy;  // as y in ForwardStep, or NULL
  int64_t dy_stride;
  const int32_t* dy_order;
  const float *dhn, *dcn;  // [B, H] by batch row, or NULL
  const int32_t* order;
  float* dgates;  // [rows, G * H] gradients before the activations, in PyTorch's gate order
  // [rows, H] of R h of the gate kept apart (GRU's n); [rows, P] of h where that is projected
  float* dextra;
  float *carry_h, *carry_c;  // [B, stride] from step to step, by sorted row
  // With bf16: dgates and dextra once more as rounded left operands. NULL in f32.
  Bf16::Left *rounded_dgates, *rounded_dextra;
  int64_t rounded_gates_stride, rounded_extra_stride;
  const StepPhases* phases;
  Zoneout zoneout;
  CellVariant variant;
};

RN_INLINE vf load_units(const float* row, int64_t unit, int64_t hidden) {
  const int64_t first = unit * kLanes, rest = hidden - first;
  return rest >= kLanes ? load(row + first) : load_first(row + first, rest);
}
RN_INLINE void store_units(float* row, int64_t unit, int64_t hidden, vf x) {
  const int64_t first = unit * kLanes, rest = hidden - first;
  if (rest >= kLanes) {
    store(row + first, x);
  } else {
    store_first(row + first, x, rest);
  }
}

// A unit vector of `hidden` values that start at column `first` of a rounded row.
RN_INLINE void store_rounded(Bf16::Left* row, int64_t first, int64_t unit, int64_t hidden, vf x) {
  if constexpr (kDotsPairs) {
    uint16_t* to = (uint16_t*)row + first + unit * kLanes;
    const int64_t rest = hidden - unit * kLanes;
    if (rest >= kLanes) {
      store_bf16(to, x);
    } else {
      store_first_bf16(to, x, rest);
    }
  } else {
    store_units((float*)row + first, unit, hidden, round_bf16(x));
  }
}

RN_INLINE void put_h(const ForwardStep& s, int64_t row, int64_t unit, vf h) {
  const int64_t at = row * s.stride + unit * kLanes;
  if (s.zoneout.h.present) [[unlikely]]
    h = zone_state(s.zoneout.h, at, h, load(s.h_prev + at));
  const int64_t y_row = s.y_order ? s.y_order[row] : row;
  store_units(s.y + y_row * s.y_stride, unit, s.hidden, h);
  if (row < s.continuing) {
    store(s.h_next + at, h);
    if (s.rounded_h_next)
      store_rounded(s.rounded_h_next + row * s.rounded_stride, 0, unit, s.hidden, h);
  } else {
    store_units(s.hn + s.order[row] * s.hidden, unit, s.hidden, h);
  }
}
RN_INLINE void put_c(const ForwardStep& s, int64_t row, int64_t unit, vf c) {
  const int64_t at = row * s.stride + unit * kLanes;
  if (s.zoneout.c.present) [[unlikely]]
    c = zone_state(s.zoneout.c, at, c, load(s.c_prev + at));
  if (row < s.continuing) {
    store(s.c_next + at, c);
  } else {
    store_units(s.cn + s.order[row] * s.hidden, unit, s.hidden, c);
  }
}

RN_INLINE void put_made(const ForwardStep& s, int64_t row, int64_t unit, vf x) {
  store(s.made + row * s.stride + unit * kLanes, x);
  if (s.rounded_extra)
    store_rounded(s.rounded_extra + row * s.rounded_stride, 0, unit, s.hidden, x);
}
RN_INLINE void put_extra(const ForwardStep& s, int64_t row, int64_t unit, vf x) {
  store(s.extra + row * s.stride + unit * kLanes, x);
  if (s.rounded_extra)
    store_rounded(s.rounded_extra + row * s.rounded_stride, 0, unit, s.hidden, x);
}

// The gradient that reaches what the cell made of h, from its output and from later steps. `sums`
// is the product of the later step's gradients with R; carried: what that step passed on past its
// product. Once a step.
RN_INLINE vf take_dh(const BackwardStep& s, int64_t row, int64_t unit, vf sums, bool carried) {
  const int64_t at = row * s.stride + unit * kLanes;
  vf dh = sums;
  if (row >= s.continuing) {
    if (s.dhn) dh = dh + load_units(s.dhn + s.order[row] * s.hidden, unit, s.hidden);
  } else if (carried) {
    dh = dh + load(s.carry_h + at);
  }
  if (s.dy) {
    const int64_t dy_row = s.dy_order ? s.dy_order[row] : row;
    dh = dh + load_units(s.dy + dy_row * s.dy_stride, unit, s.hidden);
  }
  if (s.zoneout.h.present) [[unlikely]]
    return zone_gradient(s.zoneout.h, at, row < s.continuing, dh);
  return dh;
}
RN_INLINE vf take_dc(const BackwardStep& s, int64_t row, int64_t unit) {
  const int64_t at = row * s.stride + unit * kLanes;
  vf dc = zero();
  if (row < s.continuing) {
    dc = load(s.carry_c + at);
  } else if (s.dcn) {
    dc = load_units(s.dcn + s.order[row] * s.hidden, unit, s.hidden);
  }
  if (s.zoneout.c.present) [[unlikely]]
    return zone_gradient(s.zoneout.c, at, row < s.continuing, dc);
  return dc;
}
RN_INLINE void put_gate(const BackwardStep& s, int gates, int64_t row, int gate, int64_t unit,
                        vf d) {
  store_units(s.dgates + (row * gates + gate) * s.hidden, unit, s.hidden, d);
  if (s.rounded_dgates)
    store_rounded(s.rounded_dgates + row * s.rounded_gates_stride, gate * s.hidden, unit, s.hidden,
                  d);
}
RN_INLINE void put_dextra(const BackwardStep& s, int64_t row, int64_t unit, vf d) {
  store_units(s.dextra + row * s.hidden, unit, s.hidden, d);
  if (s.rounded_dextra)
    store_rounded(s.rounded_dextra + row * s.rounded_extra_stride, 0, unit, s.hidden, d);
}

// A product with a part of R in a backward step: rows of the left operand times R's rows of `gates`
// gates from `first_gate` on.
struct ProductSpec {
  bool extra;    // the left operand is dextra, else the gates' columns of dgates
  bool current;  // ... of this step, else of the later one. Then R was applied to `extra`, not
                 // h_prev
  int first_gate, gates;  // first_gate is even, so that bf16 pairs start with it
};

// A list of phases.
constexpr int kMostPhases = 2;
template <class... Phase>
struct Phases {
  static constexpr int kCount = sizeof...(Phase);
  static_assert(kCount <= kMostPhases);
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_CELL_H_

// Every cell, parameter and phase of a recurrent layer once. From these rows come RnCell, names,
// counts and shapes, the switches from a cell to its type or text in the three backends, and what
// the addon tells TypeScript (`native.cells()`). Code asks a row; it never compares a cell's name.
//
// Gate order is PyTorch's.
//   RNN: h' = f(W x + b_ih + R h + b_hh), f = tanh or relu
//   LSTM (rows i f g o): c' = f c + i g; h' = o tanh(c')
//   GRU (rows r z n): n = tanh(W x + b_in + r * (R h + b_hn)); h' = (1 - z) n + z h
//   GRU_RESET_BEFORE: n = tanh(W x + b_in + R (r * h) + b_hn)    (Cho et al. 2014)
#ifndef RNNATIVE_ABI_CELLS_H_
#define RNNATIVE_ABI_CELLS_H_

#include <stdint.h>

// The constant, the name, the name of its type in the backends, and:
//   gates     G, rows of a weight per unit
//   states    1: h; 2: h and c
//   products  with R that a step makes one after the other
//   carries   1: h' has a part of h that no product touches
//   apart     1: the last gate's term with R is not just added to that with W, so that its bias and
//             its gradient are kept apart
// clang-format off
#define RN_CELLS(CELL) \
  /*   constant          name              type         gates states products carries apart */ \
  CELL(RNN_TANH,         rnn_tanh,         RnnTanh,         1,     1,       1,      0,    0) \
  CELL(RNN_RELU,         rnn_relu,         RnnRelu,         1,     1,       1,      0,    0) \
  CELL(LSTM,             lstm,             Lstm,            4,     2,       1,      0,    0) \
  CELL(GRU,              gru,              Gru,             3,     1,       1,      1,    1) \
  CELL(GRU_RESET_BEFORE, gru_reset_before, GruResetBefore,  3,     1,       2,      1,    0)

// Parameters of a layer and direction: the constant, PyTorch's name, rows, columns, and whether it
// must be there.
#define RN_SLOTS(SLOT) \
  /*   constant  name        rows   columns  required */ \
  SLOT(W_IH,     weight_ih,  GATES, INPUT,   1) \
  SLOT(W_HH,     weight_hh,  GATES, HIDDEN,  1) \
  SLOT(B_IH,     bias_ih,    GATES, ONE,     0) \
  SLOT(B_HH,     bias_hh,    GATES, ONE,     0)

// What a step may have beside its cell, with one number, its amount; 0 leaves it out. The constant,
// the name, what amounts are below, and whether it acts in training only. How each acts:
// RnRecurrentDesc.
#define RN_PHASES(PHASE) \
  /*    constant       name           below training */ \
  PHASE(STATE_DROPOUT, state_dropout, 1,    1)

// An extent of a slot: its name, and what it is with H units, G gates and `in` features of input.
#define RN_EXTENTS(EXTENT) \
  EXTENT(ONE,    one,    1) \
  EXTENT(HIDDEN, hidden, H) \
  EXTENT(GATES,  gates,  (G) * (H)) \
  EXTENT(INPUT,  input,  in)
// clang-format on

#define RN_CONSTANT(NAME, ...) RN_##NAME,
enum RnCell { RN_CELLS(RN_CONSTANT) RN_CELL_COUNT };
enum RnSlot { RN_SLOTS(RN_CONSTANT) RN_SLOT_COUNT };
#undef RN_CONSTANT

#define RN_PHASE_CONSTANT(NAME, ...) RN_PHASE_##NAME,
enum RnPhase { RN_PHASES(RN_PHASE_CONSTANT) RN_PHASE_COUNT };
#undef RN_PHASE_CONSTANT

#define RN_EXTENT_CONSTANT(NAME, ...) RN_EXTENT_##NAME,
enum RnExtent { RN_EXTENTS(RN_EXTENT_CONSTANT) RN_EXTENT_COUNT };
#undef RN_EXTENT_CONSTANT

typedef struct RnCellRow {
  const char* name;
  int32_t gates, has_c, products, carries_h, apart;
} RnCellRow;

// The row of a cell.
static inline const RnCellRow* rn_cell(int32_t cell) {
#define RN_ROW(NAME, name, Type, gates, states, products, carries, apart) \
  {#name, gates, (states) == 2, products, carries, apart},
  static const RnCellRow rows[RN_CELL_COUNT] = {RN_CELLS(RN_ROW)};
#undef RN_ROW
  return &rows[cell];
}

typedef struct RnSlotRow {
  const char* name;
  int32_t rows, columns;  // RnExtent
  int32_t required;
} RnSlotRow;

static inline const RnSlotRow* rn_slot(int32_t slot) {
#define RN_ROW(NAME, name, rows, columns, required) \
  {#name, RN_EXTENT_##rows, RN_EXTENT_##columns, required},
  static const RnSlotRow rows[RN_SLOT_COUNT] = {RN_SLOTS(RN_ROW)};
#undef RN_ROW
  return &rows[slot];
}

typedef struct RnPhaseRow {
  const char* name;
  double below;
  int32_t training;
} RnPhaseRow;

static inline const RnPhaseRow* rn_phase(int32_t phase) {
#define RN_ROW(NAME, name, below, training) {#name, below, training},
  static const RnPhaseRow rows[RN_PHASE_COUNT] = {RN_PHASES(RN_ROW)};
#undef RN_ROW
  return &rows[phase];
}

static inline int64_t rn_extent(int32_t extent, int64_t G, int64_t H, int64_t in) {
#define RN_CASE(NAME, name, value) \
  case RN_EXTENT_##NAME:           \
    return value;
  switch (extent) { RN_EXTENTS(RN_CASE) }
#undef RN_CASE
  return 0;
}

#endif  // RNNATIVE_ABI_CELLS_H_

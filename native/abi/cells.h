// Every cell, parameter and phase of a recurrent layer once. From these rows come RnCell, names,
// counts and shapes, the switches from a cell to its type or text in the three backends, and what
// the addon tells TypeScript (`native.cells()`). Code asks a row; it never compares a cell's name.
//
// Gate order is PyTorch's.
//   RNN: h' = f(W x + b_ih + R h + b_hh), f = tanh, or by option
//   LSTM (rows i f g o): c' = f c + i g; h' = o tanh(c')
//   GRU (rows r z n): n = tanh(W x + b_in + r * (R h + b_hn)); h' = (1 - z) n + z h
//   GRU_RESET_BEFORE: n = tanh(W x + b_in + R (r * h) + b_hn)    (Cho et al. 2014), activations
//   and clipping by option, as of GRU_GENERAL
//   LSTM_GENERAL (rows i f g o): the LSTM with peepholes, activations and clipping by option
//   LSTM_COUPLED (rows i g o): the same with f = 1 - i           (Greff et al. 2017)
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
//   peepholes the gates that may see c: bit k is the k-th of i f o
//   options   1: its math heeds RnCellOptions
//   normed    with layer norm, how many gates' sums are normalised together, from the first on; the
//             others together, too. 0: no layer norm
// clang-format off
#define RN_CELLS(CELL) \
  /*   constant          name              type         gates states products carries apart peepholes options normed */ \
  CELL(RNN_TANH,         rnn_tanh,         RnnTanh,         1,     1,       1,      0,    0,        0,      0,      1) \
  CELL(RNN_GENERAL,      rnn_general,      RnnGeneral,      1,     1,       1,      0,    0,        0,      1,      1) \
  CELL(LSTM,             lstm,             Lstm,            4,     2,       1,      0,    0,        0,      0,      4) \
  CELL(GRU,              gru,              Gru,             3,     1,       1,      1,    1,        0,      0,      2) \
  CELL(GRU_GENERAL,      gru_general,      GruGeneral,      3,     1,       1,      1,    1,        0,      1,      2) \
  CELL(GRU_RESET_BEFORE, gru_reset_before, GruResetBefore,  3,     1,       2,      1,    0,        0,      1,      0) \
  CELL(LSTM_GENERAL,     lstm_general,     LstmGeneral,     4,     2,       1,      0,    0,        7,      1,      4) \
  CELL(LSTM_COUPLED,     lstm_coupled,     LstmCoupled,     3,     2,       1,      0,    0,        5,      1,      3)

// Parameters of a layer and direction: the constant, PyTorch's name, rows, columns, and whether it
// must be there. Peepholes follow one another in the order of the bits above.
#define RN_SLOTS(SLOT) \
  /*   constant  name        rows   columns  required */ \
  SLOT(W_IH,     weight_ih,  GATES, INPUT,   1) \
  SLOT(W_HH,     weight_hh,  GATES, STATE,   1) \
  SLOT(B_IH,     bias_ih,    GATES, ONE,     0) \
  SLOT(B_HH,     bias_hh,    GATES, ONE,     0) \
  SLOT(W_HR,     weight_hr,  STATE, HIDDEN,  0) \
  SLOT(P_I,      peephole_i, HIDDEN, ONE,    0) \
  SLOT(P_F,      peephole_f, HIDDEN, ONE,    0) \
  SLOT(P_O,      peephole_o, HIDDEN, ONE,    0) \
  SLOT(N_IH,     norm_ih,    GATES,  ONE,    0) \
  SLOT(N_HH,     norm_hh,    GATES,  ONE,    0) \
  SLOT(N_C,      norm_c,     HIDDEN, ONE,    0) \
  SLOT(N_C_BIAS, norm_c_bias, HIDDEN, ONE,   0)

// What a step may have beside its cell, with one number, its amount; 0 leaves it out. The constant,
// the name, what amounts are below, whether it acts in training only, how many states a cell must
// have (c is the second), and whether a decoder's steps may have it. How each acts: RnRecurrentDesc.
#define RN_PHASES(PHASE) \
  /*    constant        name            below training states decoder */ \
  PHASE(STATE_DROPOUT,  state_dropout,  1,    1,       1,     0) \
  PHASE(ZONEOUT_HIDDEN, zoneout_hidden, 1,    0,       1,     1) \
  PHASE(ZONEOUT_CELL,   zoneout_cell,   1,    0,       2,     1)

// What a gate, a candidate or a state passes through.
//   HARD_SIGMOID: x / 5 + 1 / 2 within 0 and 1, as in ONNX
#define RN_ACTIVATIONS(ACTIVATION) \
  ACTIVATION(SIGMOID,      sigmoid) \
  ACTIVATION(TANH,         tanh) \
  ACTIVATION(RELU,         relu) \
  ACTIVATION(HARD_SIGMOID, hard_sigmoid) \
  ACTIVATION(IDENTITY,     identity)

// An extent of a slot: its name, and what it is with H units, G gates, P features of h and `in` of
// input.
#define RN_EXTENTS(EXTENT) \
  EXTENT(ONE,    one,    1) \
  EXTENT(HIDDEN, hidden, H) \
  EXTENT(STATE,  state,  P) \
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

#define RN_ACTIVATION_CONSTANT(NAME, ...) RN_ACTIVATION_##NAME,
enum RnActivation { RN_ACTIVATIONS(RN_ACTIVATION_CONSTANT) RN_ACTIVATION_COUNT };
#undef RN_ACTIVATION_CONSTANT

// What a cell with options has in place of its own.
typedef struct RnCellOptions {
  int32_t gate;       // RnActivation of i f o, or r z
  int32_t candidate;  // of g, n, or an RNN's h
  int32_t output;     // of c' for h'
  double gate_clip;   // sums of gates and candidates are kept within +- it before their activation
  double cell_clip;   // c' within +- it. Infinity: no bound
} RnCellOptions;

#define RN_PEEPHOLES 3
static inline int32_t rn_is_peephole(int32_t slot) {
  return slot >= RN_P_I && slot < RN_P_I + RN_PEEPHOLES;
}

// Of layer norm.
static inline int32_t rn_is_norm(int32_t slot) {
  return slot >= RN_N_IH && slot <= RN_N_C_BIAS;
}
// What is added to a variance.
#define RN_NORM_EPSILON 1e-5

typedef struct RnCellRow {
  const char* name;
  int32_t gates, has_c, products, carries_h, apart, peepholes, options, normed;
} RnCellRow;

// The row of a cell.
static inline const RnCellRow* rn_cell(int32_t cell) {
#define RN_ROW(NAME, name, Type, gates, states, products, carries, apart, peepholes, options, \
               normed)                                                                        \
  {#name, gates, (states) == 2, products, carries, apart, peepholes, options, normed},
  static const RnCellRow rows[RN_CELL_COUNT] = {RN_CELLS(RN_ROW)};
#undef RN_ROW
  return &rows[cell];
}

// Whether layers of a cell can have a slot's parameter.
static inline int32_t rn_has_slot(int32_t cell, int32_t slot) {
  // What projects h would leave a cell without a c nothing that is H wide.
  if (slot == RN_W_HR) return rn_cell(cell)->has_c;
  if (rn_is_norm(slot)) return rn_cell(cell)->normed && (slot < RN_N_C || rn_cell(cell)->has_c);
  return !rn_is_peephole(slot) || (rn_cell(cell)->peepholes >> (slot - RN_P_I) & 1);
}
// How many slots that are.
static inline int32_t rn_slot_count(int32_t cell) {
  int32_t count = 0;
  for (int32_t slot = 0; slot < RN_SLOT_COUNT; ++slot) count += rn_has_slot(cell, slot);
  return count;
}

static inline const char* rn_activation(int32_t activation) {
#define RN_NAME(NAME, name) #name,
  static const char* const names[RN_ACTIVATION_COUNT] = {RN_ACTIVATIONS(RN_NAME)};
#undef RN_NAME
  return names[activation];
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
  int32_t training, of_c, decoder;
} RnPhaseRow;

static inline const RnPhaseRow* rn_phase(int32_t phase) {
#define RN_ROW(NAME, name, below, training, states, decoder) \
  {#name, below, training, (states) == 2, decoder},
  static const RnPhaseRow rows[RN_PHASE_COUNT] = {RN_PHASES(RN_ROW)};
#undef RN_ROW
  return &rows[phase];
}

static inline int64_t rn_extent(int32_t extent, int64_t G, int64_t H, int64_t P, int64_t in) {
#define RN_CASE(NAME, name, value) \
  case RN_EXTENT_##NAME:           \
    return value;
  switch (extent) { RN_EXTENTS(RN_CASE) }
#undef RN_CASE
  return 0;
}

#endif  // RNNATIVE_ABI_CELLS_H_

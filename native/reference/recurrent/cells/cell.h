// The seam between the recurrent op, which knows layers, directions, steps and rows, and a cell,
// which knows one step of one row. Gate order and formulas: native/abi/cells.h.
#ifndef RNNATIVE_REFERENCE_RECURRENT_CELLS_CELL_H_
#define RNNATIVE_REFERENCE_RECURRENT_CELLS_CELL_H_

#include <cmath>
#include <cstdint>

#include "native/abi/cells.h"

namespace rnnative::reference {

struct StepForward {
  int64_t hidden, state;    // H; P: features of h before, as of the operand
  const double* wx;         // [G*H] W x + b_ih
  const double* w_hh;       // [G*H, P]
  const double* b_hh;       // [G*H] or NULL
  const double *h, *c;      // [P], [H] the state before
  const double* operand;    // [P] what R is applied to: h, or what a phase makes of it
  double* saved;            // [saved*H] assigned: what the backward step needs
  double *h_next, *c_next;  // [H] assigned
  double* work;             // [G*H]
  const RnCellOptions* options;
  const double* const* peepholes;  // P_I, P_F, P_O: [H], or NULL: zeros
};

struct StepBackward {
  int64_t hidden, state;
  const double* w_hh;               // [G*H, P]
  const double *h, *c, *operand;    // as in forward
  const double* saved;              // [saved*H]
  const double *h_next, *c_next;    // [H]
  const double *dh_next, *dc_next;  // [H]
  double* dwx;                      // [G*H] assigned
  double *dh, *dc, *doperand;       // as h, c, operand; accumulated; doperand may be dh
  double *dw_hh, *db_hh;            // accumulated; NULL: not wanted
  double* work;                     // [G*H]
  const RnCellOptions* options;
  const double* const* peepholes;
  double* const* dpeepholes;  // accumulated; NULL: not wanted
};

// What a cell has beside its row in native/abi/cells.h.
struct Cell {
  int64_t saved;  // values per unit and step
  void (*forward)(const StepForward&);
  void (*backward)(const StepBackward&);
};

// Of each row there; each is in the file of its cell.
#define RN_DECLARE(NAME, name, ...) extern const Cell name##_cell;
RN_CELLS(RN_DECLARE)
#undef RN_DECLARE

inline double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// y = W x + b. w: [rows, columns]; b may be NULL.
inline void affine(const double* w, const double* b, const double* x, int64_t rows, int64_t columns,
                   double* y) {
  for (int64_t i = 0; i < rows; ++i) {
    y[i] = b ? b[i] : 0;
    for (int64_t j = 0; j < columns; ++j) y[i] += w[i * columns + j] * x[j];
  }
}

// Adds the gradients of affine; dw, db, dx may be NULL.
inline void affine_backward(const double* w, const double* x, const double* dy, int64_t rows,
                            int64_t columns, double* dw, double* db, double* dx) {
  for (int64_t i = 0; i < rows; ++i) {
    if (db) db[i] += dy[i];
    for (int64_t j = 0; j < columns; ++j) {
      if (dw) dw[i * columns + j] += dy[i] * x[j];
      if (dx) dx[j] += dy[i] * w[i * columns + j];
    }
  }
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_CELLS_CELL_H_

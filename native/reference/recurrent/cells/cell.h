// The seam between the recurrent op, which knows layers, directions, steps and rows, and a cell,
// which knows one step of one row. Gate order and formulas: native/abi/cells.h.
#ifndef RNNATIVE_REFERENCE_RECURRENT_CELLS_CELL_H_
#define RNNATIVE_REFERENCE_RECURRENT_CELLS_CELL_H_

#include <cmath>
#include <cstdint>

#include "native/abi/cells.h"
#include "native/reference/recurrent/norm.h"

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
  const Norm* norm;                // NULL: no layer norm
  Arithmetic by;                   // of products

  // R times the operand, and b_hh.
  void recurrent_sums(int64_t rows, double* y) const {
    form_sums({w_hh, b_hh, operand, state, norm, norm ? norm->hh : nullptr, nullptr, by}, rows, y);
  }
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
  const Norm* norm;

  // From the gradient of recurrent_sums.
  void recurrent_sums_backward(int64_t rows, const double* d) const {
    const double* gain = norm ? norm->hh : nullptr;
    form_sums_backward(
        {w_hh, nullptr, operand, state, norm, gain, norm ? norm->dhh : nullptr, Arithmetic()}, rows,
        d, dw_hh, db_hh, doperand);
  }
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

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_CELLS_CELL_H_

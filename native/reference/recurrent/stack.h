// The shapes of a recurrent stack and the layout of its reserve (all in doubles): for every run (a
// layer in one direction), layer-major, the saved gates [T, B, S*H], h [T, B, H] and c [T, B, H],
// and with zoneout the same two once more as the cell made them; then the outputs [T, B, D*H] of
// all layers but the last, after dropout.
#ifndef RNNATIVE_REFERENCE_RECURRENT_STACK_H_
#define RNNATIVE_REFERENCE_RECURRENT_STACK_H_

#include "native/abi/backend.h"
#include "native/reference/recurrent/cells/cell.h"
#include "native/reference/support.h"

namespace rnnative::reference {

struct Saved {
  double *gates, *h, *c;
  double *made_h, *made_c;  // h and c themselves without zoneout
};

inline const Cell& cell_of(int32_t cell) {
#define RN_CELL(NAME, name, ...) &name##_cell,
  static constexpr const Cell* cells[] = {RN_CELLS(RN_CELL)};
#undef RN_CELL
  return *cells[cell];
}

// The gradients of a layer's and direction's parameters, opened; NULL: not wanted.
struct SlotGradients {
  double* slot[RN_SLOT_COUNT];
};

// P_I, P_F, P_O of a layer and direction.
struct Peepholes {
  const double* of[RN_PEEPHOLES];
  explicit Peepholes(const RnRecurrentSlots& slots) {
    for (int k = 0; k < RN_PEEPHOLES; ++k) of[k] = real(slots.slot[RN_P_I + k].data);
  }
};

struct Stack {
  explicit Stack(const RnRecurrentDesc& desc)
      : desc(desc),
        cell(cell_of(desc.cell)),
        gates(rn_cell(desc.cell)->gates),
        has_c(rn_cell(desc.cell)->has_c),
        width(desc.directions * desc.hidden) {}

  int64_t input_of(int32_t layer) const { return layer == 0 ? desc.input : width; }
  int64_t run_of(int32_t layer, int32_t direction) const {
    return int64_t{layer} * desc.directions + direction;
  }
  int64_t output_size() const { return desc.time * desc.batch * width; }
  int64_t unit_steps() const { return desc.time * desc.batch * desc.hidden; }
  bool zones() const {
    return desc.phases & (1 << RN_PHASE_ZONEOUT_HIDDEN | 1 << RN_PHASE_ZONEOUT_CELL);
  }
  int64_t saved_size() const { return (cell.saved + (zones() ? 4 : 2)) * unit_steps(); }
  int64_t reserve_size() const {
    return desc.layers * desc.directions * saved_size() + (desc.layers - 1) * output_size();
  }
  // Eight states and two rows of gates.
  int64_t work_size() const { return (8 + 2 * gates) * desc.hidden; }

  Saved saved_of(int64_t run, double* reserve) const {
    double* gates = reserve + run * saved_size();
    double* h = gates + cell.saved * unit_steps();
    const int64_t apart = zones() ? 2 * unit_steps() : 0;
    return {gates, h, h + unit_steps(), h + apart, h + unit_steps() + apart};
  }
  SlotGradients open_gradients(const RnRecurrentSlotGrads& grads, int64_t in) const {
    SlotGradients d;
    for (int slot = 0; slot < RN_SLOT_COUNT; ++slot) {
      const RnSlotRow& row = *rn_slot(slot);
      d.slot[slot] = open(grads.slot[slot], rn_extent(row.rows, gates, desc.hidden, in) *
                                                rn_extent(row.columns, gates, desc.hidden, in));
    }
    return d;
  }

  template <typename Real>  // double or const double
  Real* output_of(int32_t layer, Real* reserve) const {
    return reserve + desc.layers * desc.directions * saved_size() + layer * output_size();
  }

  const RnRecurrentDesc& desc;
  const Cell& cell;
  int64_t gates;  // G
  bool has_c;
  int64_t width;  // D*H: features of every layer's output
};

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_STACK_H_

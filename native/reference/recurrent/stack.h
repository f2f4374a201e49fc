// The shapes of a recurrent stack and the layout of its reserve (all in doubles): for every run (a
// layer in one direction), layer-major, the saved gates [T, B, S*H], h [T, B, P] and c [T, B, H],
// and, where zoneout or a projection comes between, the same once more as the cell made them, both
// [T, B, H]; then the outputs [T, B, D*P] of all layers but the last, after dropout.
#ifndef RNNATIVE_REFERENCE_RECURRENT_STACK_H_
#define RNNATIVE_REFERENCE_RECURRENT_STACK_H_

#include "native/abi/backend.h"
#include "native/reference/recurrent/cells/cell.h"
#include "native/reference/support.h"

namespace rnnative::reference {

struct Saved {
  double *gates, *h, *c;
  double *made_h, *made_c;  // h and c themselves where nothing comes between
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

// The layer norm of a layer and direction; `d` where backward.
struct LayerNorm {
  Norm norm = {};
  const Norm* of;  // NULL where there is none

  LayerNorm(const RnRecurrentDesc& desc, const RnRecurrentSlots& slots,
            const SlotGradients* d = nullptr)
      : of(desc.norm ? &norm : nullptr) {
    if (!of) return;
    const auto slot = [&](int32_t s) { return real(slots.slot[s].data); };
    const RnCellRow& row = *rn_cell(desc.cell);
    norm = {desc.hidden,       row.gates, row.normed, slot(RN_N_IH), slot(RN_N_HH), slot(RN_N_C),
            slot(RN_N_C_BIAS), nullptr,   nullptr,    nullptr,       nullptr};
    if (!d) return;
    norm.dih = d->slot[RN_N_IH];
    norm.dhh = d->slot[RN_N_HH];
    norm.dc = d->slot[RN_N_C];
    norm.dc_bias = d->slot[RN_N_C_BIAS];
  }
  LayerNorm(const LayerNorm&) = delete;
  LayerNorm& operator=(const LayerNorm&) = delete;

  // W x + b_ih of a step.
  Sums input(const RnRecurrentSlots& slots, const double* x, int64_t in,
             const Arithmetic& by) const {
    return {real(slots.slot[RN_W_IH].data),
            real(slots.slot[RN_B_IH].data),
            x,
            in,
            of,
            norm.ih,
            norm.dih,
            by};
  }
};

struct Stack {
  explicit Stack(const RnRecurrentDesc& desc)
      : desc(desc),
        cell(cell_of(desc.cell)),
        gates(rn_cell(desc.cell)->gates),
        has_c(rn_cell(desc.cell)->has_c),
        projects(desc.state != desc.hidden),
        width(desc.directions * desc.state) {}

  int64_t input_of(int32_t layer) const { return layer == 0 ? desc.input : width; }
  int64_t run_of(int32_t layer, int32_t direction) const {
    return int64_t{layer} * desc.directions + direction;
  }
  int64_t output_size() const { return desc.time * desc.batch * width; }
  int64_t unit_steps() const { return desc.time * desc.batch * desc.hidden; }
  bool zones() const {
    return desc.phases & (1 << RN_PHASE_ZONEOUT_HIDDEN | 1 << RN_PHASE_ZONEOUT_CELL);
  }
  // States that are kept as the cell made them, beside what becomes of them.
  int64_t apart() const { return zones() ? 2 : projects ? 1 : 0; }
  int64_t saved_size() const {
    return (cell.saved + 1 + apart()) * unit_steps() + desc.time * desc.batch * desc.state;
  }
  int64_t reserve_size() const {
    return desc.layers * desc.directions * saved_size() + (desc.layers - 1) * output_size();
  }
  // Nine states and two rows of gates.
  int64_t work_size() const { return (9 + 2 * gates) * desc.hidden; }

  Saved saved_of(int64_t run, double* reserve) const {
    double* gates = reserve + run * saved_size();
    double* h = gates + cell.saved * unit_steps();
    double* c = h + desc.time * desc.batch * desc.state;
    double* made_h = apart() > 0 ? c + unit_steps() : h;
    return {gates, h, c, made_h, apart() > 1 ? made_h + unit_steps() : c};
  }
  SlotGradients open_gradients(const RnRecurrentSlotGrads& grads, int64_t in) const {
    SlotGradients d;
    for (int slot = 0; slot < RN_SLOT_COUNT; ++slot) {
      const RnSlotRow& row = *rn_slot(slot);
      const auto extent = [&](int32_t e) {
        return rn_extent(e, gates, desc.hidden, desc.state, in);
      };
      d.slot[slot] = open(grads.slot[slot], extent(row.rows) * extent(row.columns));
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
  bool has_c, projects;
  int64_t width;  // D*P: features of every layer's output
};

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_STACK_H_

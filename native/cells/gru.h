// GRU with the reset gate applied after the product (PyTorch's and cuDNN's form). Gates r z n:
//   n = tanh(W x + b_in + r (R h + b_hn)),  h' = (1 - z) n + z h,
// activations and clipping by RnCellOptions where it is the general one.
// Backward reads R h + b_hn (extra).
#ifndef RNNATIVE_CELLS_GRU_H_
#define RNNATIVE_CELLS_GRU_H_

#include "native/cells/activation.h"

namespace rnnative::cells {

template <class A, bool kByOption>
struct GruOf : Row<kByOption ? RN_GRU_GENERAL : RN_GRU> {
  using V = typename A::V;
  using By = Chosen<A, kByOption>;
  static constexpr Extra kExtra = Extra::kKept;

  struct Step : Gates<0, 3> {
    // What options choose is not known without the unit.
    static constexpr int kActivated = kByOption ? 0 : 2;
    RN_CELL V activate(int, V sum) { return A::sigmoid(sum); }

    template <class Unit>
    RN_CELL V gate(Unit& u, int gate) {
      if constexpr (!kByOption) return u.gate(gate);
      const V y = By::gate(u, u.sum(gate));
      u.keep(gate, y);
      return y;
    }
    template <class Unit>
    RN_CELL void update(Unit& u) {
      const V r = gate(u, 0), z = gate(u, 1), product = u.product(2);
      const V n = By::candidate(u, A::fma(r, product, u.input(2)));
      u.keep(2, n);
      u.keep_extra(product);
      u.put_h(A::fma(z, u.h() - n, n));
    }
    template <class Unit>
    RN_CELL void backward(Unit& u) {
      const V r = u.gate(0), z = u.gate(1), n = u.gate(2);
      const V dh = u.dh();
      const V dz = dh * (u.h() - n);
      const V dn = dh * (1.0f - z) * By::candidate_slope(u, n);
      u.carry_h(dh * z);
      u.put(0, dn * u.extra() * By::gate_slope(u, r));
      u.put(1, dz * By::gate_slope(u, z));
      u.put(2, dn);
      u.put_apart(dn * r);
    }
  };
  using Phases = cells::Phases<Step>;
};
template <class A>
using Gru = GruOf<A, false>;
template <class A>
using GruGeneral = GruOf<A, true>;

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_GRU_H_

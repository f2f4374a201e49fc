// GRU with the reset gate applied after the product (PyTorch's and cuDNN's form). Gates r z n:
//   n = tanh(W x + b_in + r (R h + b_hn)),  h' = (1 - z) n + z h.
// Backward reads R h + b_hn (extra).
#ifndef RNNATIVE_CELLS_GRU_H_
#define RNNATIVE_CELLS_GRU_H_

#include "native/cells/math.h"

namespace rnnative::cells {

template <class A>
struct Gru : Row<RN_GRU> {
  using V = typename A::V;
  static constexpr Extra kExtra = Extra::kKept;

  struct Step : Gates<0, 3> {
    static constexpr int kActivated = 2;
    RN_CELL V activate(int, V sum) { return A::sigmoid(sum); }

    template <class Unit>
    RN_CELL void update(Unit& u) {
      const V r = u.gate(0), z = u.gate(1), product = u.product(2);
      const V n = A::tanh(A::fma(r, product, u.input(2)));
      u.keep(2, n);
      u.keep_extra(product);
      u.put_h(A::fma(z, u.h() - n, n));
    }
    template <class Unit>
    RN_CELL void backward(Unit& u) {
      const V r = u.gate(0), z = u.gate(1), n = u.gate(2);
      const V dh = u.dh();
      const V dz = dh * (u.h() - n);
      const V dn = dh * (1.0f - z) * A::fnma(n, n, A::splat(1.0f));
      u.carry_h(dh * z);
      u.put(0, dn * u.extra() * (r * (1.0f - r)));
      u.put(1, dz * (z * (1.0f - z)));
      u.put(2, dn);
      u.put_apart(dn * r);
    }
  };
  using Phases = cells::Phases<Step>;
};

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_GRU_H_

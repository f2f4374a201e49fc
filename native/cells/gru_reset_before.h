// GRU with the reset gate applied to the state before the product (Cho et al. 2014). Gates r z n:
//   n = tanh(W x + b_in + R (r h) + b_hn),  h' = (1 - z) n + z h,
// activations and clipping by RnCellOptions.
// R_n needs all of r h (extra), so a step has two phases.
#ifndef RNNATIVE_CELLS_GRU_RESET_BEFORE_H_
#define RNNATIVE_CELLS_GRU_RESET_BEFORE_H_

#include "native/cells/activation.h"

namespace rnnative::cells {

template <class A>
struct GruResetBefore : Row<RN_GRU_RESET_BEFORE> {
  using V = typename A::V;
  using By = Chosen<A, true>;
  static constexpr Extra kExtra = Extra::kOperand;

  struct Reset : Gates<0, 2> {
    static constexpr int kMade = 1;  // r

    template <class Unit>
    RN_CELL V operand(Unit& u) {
      return u.gate(0) * u.h();
    }
    template <class Unit>
    RN_CELL void update(Unit& u) {
      const V r = By::gate(u, u.sum(0));
      u.keep(0, r);
      u.keep(1, By::gate(u, u.sum(1)));
      u.keep_extra(r * u.h());
    }
    template <class Unit>
    RN_CELL void backward(Unit& u) {
      const V r = u.gate(0), d = u.sums();
      u.carry_h(A::fma(d, r, u.carried_h()));
      u.put(0, d * u.h() * By::gate_slope(u, r));
    }
  };
  struct Candidate : Gates<2, 1> {
    static constexpr int kFirstMade = 1, kMade = 2;  // z n

    template <class Unit>
    RN_CELL void update(Unit& u) {
      const V z = u.gate(1);
      const V n = By::candidate(u, u.sum(2));
      u.keep(2, n);
      u.put_h(A::fma(z, u.h() - n, n));
    }
    template <class Unit>
    RN_CELL void backward(Unit& u) {
      const V z = u.gate(1), n = u.gate(2);
      const V dh = u.dh();
      const V dz = dh * (u.h() - n);
      u.carry_h(dh * z);
      u.put(1, dz * By::gate_slope(u, z));
      u.put(2, dh * (1.0f - z) * By::candidate_slope(u, n));
    }
  };
  using Phases = cells::Phases<Reset, Candidate>;
};

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_GRU_RESET_BEFORE_H_

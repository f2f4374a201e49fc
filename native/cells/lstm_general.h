// The LSTM with what the literature changes in it, by RnCellOptions and peepholes (Gers et al.
// 2002; those of f and i see c, that of o sees c'); coupled, f = 1 - i (Greff et al. 2017). Gates i
// f g o, or i g o:
//   i = s(W x + R h + b + p_i c), f likewise, g = t(W x + R h + b), c' = f c + i g,
//   o = s(W x + R h + b + p_o c'), h' = o u(c').
// Nothing but the gates is kept: backward forms c' again, which says besides whether it was
// clipped.
#ifndef RNNATIVE_CELLS_LSTM_GENERAL_H_
#define RNNATIVE_CELLS_LSTM_GENERAL_H_

#include "native/cells/activation.h"

namespace rnnative::cells {

template <class A, bool kCoupled>
struct LstmByOption : Row<kCoupled ? RN_LSTM_COUPLED : RN_LSTM_GENERAL> {
  using V = typename A::V;
  using By = Chosen<A, true>;
  static constexpr Extra kExtra = Extra::kNone;
  // kF only where it is not coupled.
  static constexpr int kI = 0, kF = 1, kG = kCoupled ? 1 : 2, kO = kG + 1;
  // Of peephole k.
  RN_CELL int peephole_gate(int k) { return k == 0 ? kI : k == 1 ? kF : kO; }

  // c' before it is clipped.
  RN_CELL V state_of(V i, V f, V g, V c) { return A::fma(f, c, i * g); }
  template <class Unit>
  RN_CELL V forget(const Unit& u, V i) {
    if constexpr (kCoupled) return 1.0f - i;
    return u.gate(kF);
  }
  template <class Unit>
  RN_CELL V outer(const Unit& u, V c) {
    return By::value(u.options().output, c);
  }
  template <class Unit>
  RN_CELL V outer_slope(const Unit& u, V y) {
    return By::slope(u.options().output, y);
  }
  // c' from what is kept.
  template <class Unit>
  RN_CELL V state(const Unit& u) {
    const V i = u.gate(kI);
    return By::clip(state_of(i, forget(u, i), u.gate(kG), u.c()), (float)u.options().cell_clip);
  }

  struct Step : Gates<0, Row<kCoupled ? RN_LSTM_COUPLED : RN_LSTM_GENERAL>::kGates> {
    // A gate that sees `c` through peephole k.
    template <class Unit>
    RN_CELL V gate(Unit& u, int gate, int k, V c) {
      const V y = By::gate(u, A::fma(u.peephole(k), c, u.sum(gate)));
      u.keep(gate, y);
      return y;
    }
    template <class Unit>
    RN_CELL void update(Unit& u) {
      const RnCellOptions& by = u.options();
      const V before = u.c(), i = gate(u, kI, 0, before);
      V f = A::splat(1.0f) - i;
      if constexpr (!kCoupled) f = gate(u, kF, 1, before);
      const V g = By::candidate(u, u.sum(kG));
      u.keep(kG, g);
      const V c = By::clip(state_of(i, f, g, before), (float)by.cell_clip);
      u.put_c(c);
      u.put_h(gate(u, kO, 2, c) * By::value(by.output, c));
    }
    template <class Unit>
    RN_CELL void backward(Unit& u) {
      const RnCellOptions& by = u.options();
      const V i = u.gate(kI), f = forget(u, i), g = u.gate(kG), o = u.gate(kO), before = u.c();
      const V free = state_of(i, f, g, before), c = By::clip(free, (float)by.cell_clip);
      const V y = By::value(by.output, u.seen(c)), dh = u.dh();
      const V d_o = dh * y * By::gate_slope(u, o);
      const V seen = A::fma(d_o, u.peephole(2), u.dc());
      V dc = u.through(dh * o, By::slope(by.output, y), seen);
      const float bound = (float)by.cell_clip;
      dc = A::select(free < bound, dc, A::splat(0.0f));
      dc = A::select(free > -bound, dc, A::splat(0.0f));
      const V of_i = kCoupled ? g - before : g;
      const V di = dc * of_i * By::gate_slope(u, i);
      V carried = A::fma(dc, f, di * u.peephole(0));
      if constexpr (!kCoupled) {
        const V df = dc * before * By::gate_slope(u, f);
        carried = A::fma(df, u.peephole(1), carried);
        u.put(kF, df);
      }
      u.carry_c(carried);
      u.put(kI, di);
      u.put(kG, dc * i * By::candidate_slope(u, g));
      u.put(kO, d_o);
    }
  };
  using Phases = cells::Phases<Step>;
};
template <class A>
using LstmGeneral = LstmByOption<A, false>;
template <class A>
using LstmCoupled = LstmByOption<A, true>;

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_LSTM_GENERAL_H_

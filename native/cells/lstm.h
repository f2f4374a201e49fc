// LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000). Gates i f g o:
//   c' = f c + i g,  h' = o tanh(c').
// Backward reads tanh(c') (extra).
#ifndef RNNATIVE_CELLS_LSTM_H_
#define RNNATIVE_CELLS_LSTM_H_

#include "native/cells/math.h"

namespace rnnative::cells {

template <class A>
struct Lstm : Row<RN_LSTM> {
  using V = typename A::V;
  static constexpr Extra kExtra = Extra::kOfC;
  RN_CELL V extra_of(V c) { return A::tanh(c); }
  RN_CELL V state_of(V i, V f, V g, V c) { return A::fma(f, c, i * g); }
  template <class Unit>
  RN_CELL V outer(const Unit&, V c) {
    return A::tanh(c);
  }
  template <class Unit>
  RN_CELL V outer_slope(const Unit&, V y) {
    return A::fnma(y, y, A::splat(1.0f));
  }
  // c' from what is kept.
  template <class Unit>
  RN_CELL V state(const Unit& u) {
    return state_of(u.gate(0), u.gate(1), u.gate(2), u.c());
  }

  struct Step : Gates<0, 4> {
    static constexpr int kActivated = 4;
    RN_CELL V activate(int gate, V sum) { return gate == 2 ? A::tanh(sum) : A::sigmoid(sum); }

    template <class Unit>
    RN_CELL void update(Unit& u) {
      const V i = u.gate(0), f = u.gate(1), g = u.gate(2);
      const V c = state_of(i, f, g, u.c()), tanh_c = A::tanh(c);
      u.keep_extra(tanh_c);
      u.put_c(c);
      u.put_h(u.gate(3) * tanh_c);
    }
    template <class Unit>
    RN_CELL void backward(Unit& u) {
      const V i = u.gate(0), f = u.gate(1), g = u.gate(2), o = u.gate(3), tanh_c = u.extra();
      const V dh = u.dh();
      const V dc = u.through(dh * o, A::fnma(tanh_c, tanh_c, A::splat(1.0f)), u.dc());
      u.carry_c(dc * f);
      u.put(0, dc * g * (i * (1.0f - i)));
      u.put(1, dc * u.c() * (f * (1.0f - f)));
      u.put(2, dc * i * A::fnma(g, g, A::splat(1.0f)));
      u.put(3, dh * tanh_c * (o * (1.0f - o)));
    }
  };
  using Phases = cells::Phases<Step>;
};

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_LSTM_H_

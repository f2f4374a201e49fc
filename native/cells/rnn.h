// The simple recurrent network (Elman 1990): h' = f(W x + R h + b), f = tanh or ReLU.
// f' follows from h', which is the gate's activation.
#ifndef RNNATIVE_CELLS_RNN_H_
#define RNNATIVE_CELLS_RNN_H_

#include "native/cells/math.h"

namespace rnnative::cells {

template <class A, bool kRelu>
struct Rnn : Row<kRelu ? RN_RNN_RELU : RN_RNN_TANH> {
  using V = typename A::V;
  static constexpr Extra kExtra = Extra::kNone;

  struct Step : Gates<0, 1> {
    RN_CELL V f(V a) {
      if constexpr (kRelu) return A::select(a < 0.0f, A::splat(0.0f), a);  // NaN stays
      return A::tanh(a);
    }
    template <class Unit>
    RN_CELL void update(Unit& u) {
      const V h = f(u.sum(0));
      u.keep(0, h);
      u.put_h(h);
    }
    template <class Unit>
    RN_CELL void backward(Unit& u) {
      const V h = u.gate(0);
      const V dh = u.dh();
      if constexpr (kRelu) {
        u.put(0, A::select(h > 0.0f, dh, A::splat(0.0f)));
      } else {
        u.put(0, dh * A::fnma(h, h, A::splat(1.0f)));
      }
    }
  };
  using Phases = cells::Phases<Step>;
};
template <class A>
using RnnTanh = Rnn<A, false>;
template <class A>
using RnnRelu = Rnn<A, true>;

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_RNN_H_

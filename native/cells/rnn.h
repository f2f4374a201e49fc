// The simple recurrent network (Elman 1990): h' = f(W x + R h + b), f = tanh, or by RnCellOptions.
// f' follows from h', which is the gate's activation.
#ifndef RNNATIVE_CELLS_RNN_H_
#define RNNATIVE_CELLS_RNN_H_

#include "native/cells/activation.h"

namespace rnnative::cells {

template <class A, bool kByOption>
struct Rnn : Row<kByOption ? RN_RNN_GENERAL : RN_RNN_TANH> {
  using V = typename A::V;
  using By = Chosen<A, kByOption>;
  static constexpr Extra kExtra = Extra::kNone;

  struct Step : Gates<0, 1> {
    template <class Unit>
    RN_CELL void update(Unit& u) {
      const V h = By::candidate(u, u.sum(0));
      u.keep(0, h);
      u.put_h(h);
    }
    template <class Unit>
    RN_CELL void backward(Unit& u) {
      u.put(0, u.dh() * By::candidate_slope(u, u.gate(0)));
    }
  };
  using Phases = cells::Phases<Step>;
};
template <class A>
using RnnTanh = Rnn<A, false>;
template <class A>
using RnnGeneral = Rnn<A, true>;

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_RNN_H_

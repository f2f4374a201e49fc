// The math of one unit of a cell: one text for the vectors of an instruction set and for the floats
// of a GPU. A cell is a template over an arithmetic A, which has
//   V                 a number, or a vector of them: + - * among each other and with floats
//   sigmoid, tanh, splat(float), fma(a, b, c) = a b + c, fnma(a, b, c) = c - a b,
//   select(x < y, a, b)
// and is a type without linkage wherever code is compiled once per instruction set.
//
// A cell has what its row in native/abi/cells.h says (Row), and
//   kExtra     what backward reads besides activations and states; see below
//   Phases     one for each product of a step with rows of R: what becomes of each unit's sums. The
//              first one's product is with h, the second one's with what the first left as `extra`.
//              Backward takes them in reverse.
// and a phase
//   Gates<first, count>          what its product makes
//   kActivated                   how many of these follow from their sums alone
//   kFirstMade, kMade            the gates whose gradients `backward` makes
//   activate(gate, sum)          of such a gate. The CPU does this for all rows of a tile first
//   update(u), backward(u)       the rest of a unit's step
//   operand(u)                   `extra` of kOperand again, from what is kept
// A cell with a c is besides told by the way of its output, h' = o outer(u, seen(c')), o its last
// gate:
//   outer(u, V), outer_slope(u, V)   and its slope from what it gave
// where u reads and writes wherever its user keeps things:
//   input(g), product(g), sum(g)     W x + b_ih, R h + b_hh, and both together
//   gate(g), h(), c(), extra()       activations; the states before the step
//   keep(g, V), keep_extra(V), put_h(V), put_c(V)
//   dh(), dc()                       all that reaches the states after the step
//   sums()                           the gradient of `extra`, in the first of two phases
//   seen(c), through(a, b, dc)       c as the output sees it, c itself unless it is normalised; and
//                                    the gradient of c from that of seen(c), a b, and the rest of
//                                    it
//   options(), peephole(k)           of a cell that has them: RnCellOptions, and P_I P_F P_O, which
//                                    are 0 where absent
//   carry_h(V), carry_c(V)           what goes to the states before the step, but for R's product
//   carried_h()                      ... as the second phase left it
//   put(g, V), put_apart(V)          gradients of gate g before its activation; of kApart's R h
#ifndef RNNATIVE_CELLS_MATH_H_
#define RNNATIVE_CELLS_MATH_H_

#include "native/abi/cells.h"

#ifdef __CUDACC__
#define RN_CELL static __device__ __forceinline__
#else
#define RN_CELL static __attribute__((always_inline)) inline
#endif

namespace rnnative::cells {

template <int32_t kCell>
struct Row;
// kApart: the gate whose R h + b_hh is apart, or -1.
#define RN_ROW(NAME, name, Type, gates, states, products, carries, apart, peepholes, options, \
               normed)                                                                        \
  template <>                                                                                 \
  struct Row<RN_##NAME> {                                                                     \
    static constexpr int kGates = gates, kApart = (apart) ? (gates) - 1 : -1;                 \
    static constexpr bool kHasC = (states) == 2, kCarriesH = (carries) != 0;                  \
    static constexpr int kProducts = products, kNormed = normed;                              \
    static constexpr bool kOptions = (options) != 0, kPeepholes = (peepholes) != 0;           \
  };
RN_CELLS(RN_ROW)
#undef RN_ROW

enum class Extra {
  kNone,
  kKept,    // of forward's making
  kOfC,     // c after the step gives it again: extra_of(c)
  kOperand  // of the second phase's product; follows from activations and h: operand(u)
};

template <int kFrom, int kCount>
struct Gates {
  static constexpr int kFirst = kFrom, kGates = kCount, kActivated = 0;
  static constexpr int kFirstMade = kFrom, kMade = kCount;
};

template <class... Phase>
struct Phases;
template <class Only>
struct Phases<Only> {
  using First = Only;
  using Last = Only;
  static constexpr int kCount = 1;
};
template <class One, class Two>
struct Phases<One, Two> {
  using First = One;
  using Last = Two;
  static constexpr int kCount = 2;
};

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_MATH_H_

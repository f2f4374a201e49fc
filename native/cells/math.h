// The math of one unit of a cell: one text for the vectors of an instruction set and for the floats
// of a GPU. A cell is a template over an arithmetic A, which has
//   V                 a number, or a vector of them: + - * among each other and with floats
//   sigmoid, tanh, splat(float), fma(a, b, c) = a b + c, fnma(a, b, c) = c - a b,
//   select(x < y, a, b)
// and is a type without linkage wherever code is compiled once per instruction set.
//
// A cell has
//   kGates     rows of W and R per unit, in PyTorch's order
//   kHasC      whether there is a second state c
//   kCarriesH  whether h before the step reaches h after it past the product with R
//   kApart     the gate, the last one, whose R h + b_hh is more than a summand of it: it is needed
//              by itself, and its gradient is not that of W x. -1: none
//   kExtra     what backward reads besides activations and states; see below
//   Phases     one or two. Each is a product with rows of R and what becomes of each unit's sums.
//              The first one's product is with h, the second one's with what the first left as
//              `extra`. Backward takes them in reverse.
// and a phase
//   Gates<first, count>          what its product makes
//   kActivated                   how many of these follow from their sums alone
//   kFirstMade, kMade            the gates whose gradients `backward` makes
//   activate(gate, sum)          of such a gate. The CPU does this for all rows of a tile first
//   update(u), backward(u)       the rest of a unit's step
// where u reads and writes wherever its user keeps things:
//   input(g), product(g), sum(g)     W x + b_ih, R h + b_hh, and both together
//   gate(g), h(), c(), extra()       activations; the states before the step
//   keep(g, V), keep_extra(V), put_h(V), put_c(V)
//   dh(), dc()                       all that reaches the states after the step
//   sums()                           the gradient of `extra`, in the first of two phases
//   carry_h(V), carry_c(V)           what goes to the states before the step, but for R's product
//   carried_h()                      ... as the second phase left it
//   put(g, V), put_apart(V)          gradients of gate g before its activation; of kApart's R h
#ifndef RNNATIVE_CELLS_MATH_H_
#define RNNATIVE_CELLS_MATH_H_

#ifdef __CUDACC__
#define RN_CELL static __device__ __forceinline__
#else
#define RN_CELL static __attribute__((always_inline)) inline
#endif

namespace rnnative::cells {

enum class Extra {
  kNone,
  kKept,    // of forward's making
  kOfC,     // c after the step gives it again: extra_of(c)
  kOperand  // of the second phase's product
};

template <int kFrom, int kCount>
struct Gates {
  static constexpr int kFirst = kFrom, kGates = kCount, kActivated = 0;
  static constexpr int kFirstMade = kFrom, kMade = kCount;
};

template <class First, class... Second>
struct Phases {
  static constexpr int kCount = 1 + sizeof...(Second);
  static_assert(kCount <= 2);
};

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_MATH_H_

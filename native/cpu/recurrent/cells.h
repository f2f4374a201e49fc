// From a cell's math (native/cells) to the phases that the steps run: where a unit's values lie
// here, a vector of units at a time.
#ifndef RNNATIVE_CPU_RECURRENT_CELLS_H_
#define RNNATIVE_CPU_RECURRENT_CELLS_H_

#include "native/cells/cells.h"
#include "native/cpu/recurrent/cell.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Without linkage, as everything here: so every cell over it is this instruction set's own.
struct Vectors {
  using V = vf;
  static RN_INLINE vf sigmoid(vf x) { return RN_ISA::sigmoid(x); }
  static RN_INLINE vf tanh(vf x) { return RN_ISA::tanh(x); }
  static RN_INLINE vf fma(vf a, vf b, vf c) { return RN_ISA::fma(a, b, c); }
  static RN_INLINE vf fnma(vf a, vf b, vf c) { return RN_ISA::fnma(a, b, c); }
  static RN_INLINE vf splat(float x) { return RN_ISA::splat(x); }
  static RN_INLINE vf select(vi m, vf a, vf b) { return RN_ISA::select(m, a, b); }
};

// A unit vector of a row while a forward phase has its sums: [gate of the phase][kLanes].
template <class Math, class Phase, bool kOperand, bool kKeeps>
struct ForwardUnit {
  const ForwardStep& s;
  int64_t row, unit;
  float* sums;
  float* gates = s.gates + row * s.gate_stride + unit * Math::kGates * kLanes;
  int64_t at = row * s.stride + unit * kLanes;

  RN_INLINE float* sum_at(int gate) const { return sums + (gate - Phase::kFirst) * kLanes; }
  // b_hh is among what `gates` holds, but for a gate that has its product apart.
  RN_INLINE vf input(int gate) const { return load(gates + gate * kLanes); }
  RN_INLINE vf product(int gate) const {
    const vf product = load(sum_at(gate));
    return gate == Math::kApart ? product + load(s.recurrent_bias + unit * kLanes) : product;
  }
  RN_INLINE vf sum(int gate) const { return input(gate) + product(gate); }
  RN_INLINE vf gate(int gate) const {
    return gate < Phase::kFirst ? load(gates + gate * kLanes) : load(sum_at(gate));
  }
  RN_INLINE vf h() const { return load(s.h_prev + at); }
  RN_INLINE vf c() const { return load(s.c_prev + at); }
  RN_INLINE const RnCellOptions& options() const { return *s.variant.options; }
  RN_INLINE vf peephole(int k) const {
    return load(s.variant.peepholes + k * s.stride + unit * kLanes);
  }
  RN_INLINE void keep(int gate, vf x) const {
    if constexpr (kKeeps) store(gates + gate * kLanes, x);
  }
  RN_INLINE void keep_extra(vf x) const {
    if constexpr (kOperand) {
      put_extra(s, row, unit, x);
    } else if constexpr (kKeeps) {
      store(s.extra + at, x);
    }
  }
  RN_INLINE void put_h(vf h) const {
    if (Math::kHasC && s.made) {
      put_made(s, row, unit, h);
    } else {
      RN_ISA::put_h(s, row, unit, h);
    }
  }
  RN_INLINE void put_c(vf c) const { RN_ISA::put_c(s, row, unit, c); }
};

template <class Math, class Phase, int kIndex>
struct ForwardPhase {
  static constexpr int kFirstGate = Phase::kFirst, kGates = Phase::kGates, kUnits = 4 / kGates;
  static constexpr bool kReadsExtra = kIndex > 0;  // R is applied to it, not to h_prev
  static constexpr bool kLast = kIndex + 1 == Math::Phases::kCount;
  template <bool kTraining>
  using Unit = ForwardUnit<Math, Phase, !kLast, kTraining || !kLast>;

  template <bool kTraining>
  static RN_INLINE void activate(const ForwardStep& s, int64_t row, int64_t unit, float* sums) {
    Unit<kTraining> u = {s, row, unit, sums};
    if constexpr (Phase::kActivated > 0) {
#pragma GCC unroll 4
      for (int i = 0; i < Phase::kActivated; ++i) {
        const int gate = Phase::kFirst + i;
        const vf y = Phase::activate(gate, u.sum(gate));
        store(u.sum_at(gate), y);
        u.keep(gate, y);
      }
    }
  }
  template <bool kTraining>
  static RN_INLINE void update(const ForwardStep& s, int64_t row, int64_t unit, float* sums) {
    Unit<kTraining> u = {s, row, unit, sums};
    Phase::update(u);
  }
};

template <class Math>
struct BackwardUnit {
  const BackwardStep& s;
  int64_t row, unit;
  vf product;
  const float* gates = s.gates + row * s.gate_stride + unit * Math::kGates * kLanes;
  int64_t at = row * s.stride + unit * kLanes;

  RN_INLINE vf gate(int gate) const { return load(gates + gate * kLanes); }
  RN_INLINE vf extra() const { return load(s.extra + at); }
  RN_INLINE vf h() const { return load(s.h_prev + at); }
  RN_INLINE vf c() const { return load(s.c_prev + at); }
  RN_INLINE const RnCellOptions& options() const { return *s.variant.options; }
  RN_INLINE vf peephole(int k) const {
    return load(s.variant.peepholes + k * s.stride + unit * kLanes);
  }
  RN_INLINE vf dh() const { return take_dh(s, row, unit, product, Math::kCarriesH); }
  RN_INLINE vf dc() const { return take_dc(s, row, unit); }
  RN_INLINE vf sums() const { return product; }
  RN_INLINE vf seen(vf c) const { return c; }
  RN_INLINE vf through(vf a, vf b, vf dc) const { return RN_ISA::fma(a, b, dc); }
  RN_INLINE vf carried_h() const { return load(s.carry_h + at); }
  RN_INLINE void carry_h(vf d) const { store(s.carry_h + at, d); }
  RN_INLINE void carry_c(vf d) const { store(s.carry_c + at, d); }
  RN_INLINE void put(int gate, vf d) const { put_gate(s, Math::kGates, row, gate, unit, d); }
  RN_INLINE void put_apart(vf d) const { put_dextra(s, row, unit, d); }
};

// What a backward phase adds up. The last of forward's comes first and finds the gradients that the
// later step made of its product with h; the first, those that the last has made of `extra`.
template <class Math, bool kOfLater>
struct Products {
  static constexpr ProductSpec kProducts[] = {{false, false, 0, Math::Phases::First::kGates}};
};
template <class Math>
  requires(Math::kApart >= 0)
struct Products<Math, true> {
  static constexpr ProductSpec kProducts[] = {{false, false, 0, Math::kApart},
                                              {true, false, Math::kApart, 1}};
};
template <class Math>
struct Products<Math, false> {
  using Second = typename Math::Phases::Last;
  static constexpr ProductSpec kProducts[] = {{false, true, Second::kFirst, Second::kGates}};
};

template <class Math, class Phase, bool kLast>
struct BackwardPhase : Products<Math, kLast> {
  static RN_INLINE void cell(const BackwardStep& s, int64_t row, int64_t unit, vf sums) {
    BackwardUnit<Math> u = {s, row, unit, sums};
    Phase::backward(u);
  }
};

template <class Math, class Phase>
Phases<ForwardPhase<Math, Phase, 0>> forward_of(cells::Phases<Phase>);
template <class Math, class First, class Second>
Phases<ForwardPhase<Math, First, 0>, ForwardPhase<Math, Second, 1>> forward_of(
    cells::Phases<First, Second>);
template <class Math, class Phase>
Phases<BackwardPhase<Math, Phase, true>> backward_of(cells::Phases<Phase>);
template <class Math, class First, class Second>
Phases<BackwardPhase<Math, Second, true>, BackwardPhase<Math, First, false>> backward_of(
    cells::Phases<First, Second>);

template <class Math>
struct CellOf : Math {
  static_assert(Math::Phases::kCount == Math::kProducts);
  static constexpr bool kHasExtra = Math::kExtra != cells::Extra::kNone;
  using ForwardPhases = decltype(forward_of<Math>(typename Math::Phases()));
  using BackwardPhases = decltype(backward_of<Math>(typename Math::Phases()));
};

// Calls body.template operator()<Cell>().
template <class Body>
auto with_cell(int32_t cell, const Body& body) {
#define RN_CASE(NAME, name, Type, ...) \
  case RN_##NAME:                      \
    return body.template operator()<CellOf<cells::Type<Vectors>>>();
  switch (cell) { RN_CELLS(RN_CASE) }
#undef RN_CASE
  __builtin_unreachable();
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_CELLS_H_

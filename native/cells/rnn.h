// The simple recurrent network (Elman 1990): h' = f(W x + R h + b), f = tanh or ReLU.
// Saved for backward: h', as the gate's activation.
#ifndef RNNATIVE_CELLS_RNN_H_
#define RNNATIVE_CELLS_RNN_H_

#include "native/cpu/recurrent/cell.h"

namespace rnnative::cpu::RN_ISA {
namespace {

template <bool kRelu>
struct Rnn {
  static constexpr int kGates = 1;
  static constexpr bool kHasC = false, kHasExtra = false;
  static constexpr int kBiasApart = -1;

  struct Forward {
    static constexpr int kFirstGate = 0, kGates = 1, kUnits = 4;
    static constexpr bool kReadsExtra = false;  // R is applied to h_prev

    template <bool kTraining>
    static RN_INLINE void activate(const ForwardStep&, int64_t, int64_t, float*) {}
    template <bool kTraining>
    static RN_INLINE void update(const ForwardStep& s, int64_t row, int64_t unit,
                                 const float* sums) {
      float* gates = s.gates + row * s.gate_stride + unit * kLanes;
      const vf a = load(gates) + load(sums);
      vf h;
      if constexpr (kRelu) {
        h = select(a < 0.0f, zero(), a);  // NaN stays
      } else {
        h = tanh(a);
      }
      if constexpr (kTraining) store(gates, h);
      put_h(s, row, unit, h);
    }
  };
  using ForwardPhases = Phases<Forward>;

  struct Backward {
    static constexpr ProductSpec kProducts[] = {{false, false, 0, 1}};

    static RN_INLINE void cell(const BackwardStep& s, int64_t row, int64_t unit, vf sums) {
      const vf h = load(s.gates + row * s.gate_stride + unit * kLanes);
      const vf dh = take_dh(s, row, unit, sums, false);
      vf d;
      if constexpr (kRelu) {
        d = select(h > 0.0f, dh, zero());
      } else {
        d = dh * fnma(h, h, splat(1.0f));
      }
      put_gate(s, kGates, row, 0, unit, d);
    }
  };
  using BackwardPhases = Phases<Backward>;
  static constexpr bool kCarriesH = false;
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CELLS_RNN_H_

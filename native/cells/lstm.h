// LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000):
//   c' = f c + i g,  h' = o tanh(c').
// Saved for backward: the four activations, c before the step, and tanh(c') (extra).
#ifndef RNNATIVE_CELLS_LSTM_H_
#define RNNATIVE_CELLS_LSTM_H_

#include "native/cpu/recurrent/cell.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct Lstm {
  static constexpr int kGates = 4;
  static constexpr bool kHasC = true, kHasExtra = true;
  static constexpr int kBiasApart = -1;

  struct Forward {
    static constexpr int kFirstGate = 0, kGates = 4, kUnits = 1;
    static constexpr bool kReadsExtra = false;  // R is applied to h_prev

    template <bool kTraining>
    static RN_INLINE void activate(const ForwardStep& s, int64_t row, int64_t unit, float* sums) {
      float* gates = s.gates + row * s.gate_stride + unit * kGates * kLanes;
#pragma GCC unroll 4
      for (int g = 0; g < kGates; ++g) {
        const vf x = load(gates + g * kLanes) + load(sums + g * kLanes);
        const vf y = g == 2 ? tanh(x) : sigmoid(x);
        store(sums + g * kLanes, y);
        if constexpr (kTraining) store(gates + g * kLanes, y);
      }
    }
    template <bool kTraining>
    static RN_INLINE void update(const ForwardStep& s, int64_t row, int64_t unit,
                                 const float* sums) {
      const int64_t at = row * s.stride + unit * kLanes;
      const vf i = load(sums), f = load(sums + kLanes), g = load(sums + 2 * kLanes);
      const vf c = fma(f, load(s.c_prev + at), i * g);
      const vf tanh_c = tanh(c);
      if constexpr (kTraining) store(s.extra + at, tanh_c);
      put_c(s, row, unit, c);
      put_h(s, row, unit, load(sums + 3 * kLanes) * tanh_c);
    }
  };
  using ForwardPhases = Phases<Forward>;

  struct Backward {
    static constexpr ProductSpec kProducts[] = {{false, false, 0, 4}};

    static RN_INLINE void cell(const BackwardStep& s, int64_t row, int64_t unit, vf sums) {
      const float* gates = s.gates + row * s.gate_stride + unit * kGates * kLanes;
      const int64_t at = row * s.stride + unit * kLanes;
      const vf i = load(gates), f = load(gates + kLanes), g = load(gates + 2 * kLanes);
      const vf o = load(gates + 3 * kLanes), tanh_c = load(s.extra + at);
      const vf dh = take_dh(s, row, unit, sums, false);
      const vf dc = fma(dh * o, fnma(tanh_c, tanh_c, splat(1.0f)), take_dc(s, row, unit));
      store(s.carry_c + at, dc * f);
      put_gate(s, kGates, row, 0, unit, dc * g * (i * (1.0f - i)));
      put_gate(s, kGates, row, 1, unit, dc * load(s.c_prev + at) * (f * (1.0f - f)));
      put_gate(s, kGates, row, 2, unit, dc * i * fnma(g, g, splat(1.0f)));
      put_gate(s, kGates, row, 3, unit, dh * tanh_c * (o * (1.0f - o)));
    }
  };
  using BackwardPhases = Phases<Backward>;
  static constexpr bool kCarriesH = false;
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CELLS_LSTM_H_

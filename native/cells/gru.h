// GRU with the reset gate applied after the product (PyTorch's and cuDNN's form):
//   n = tanh(W x + b_in + r (R h + b_hn)),  h' = (1 - z) n + z h.
// Saved for backward: r, z, n, and R h + b_hn (extra). The gradient of that last term is not the
// gradient of W x + b_in, so it is kept in an array of its own (dextra).
#ifndef RNNATIVE_CELLS_GRU_H_
#define RNNATIVE_CELLS_GRU_H_

#include "native/cpu/recurrent/cell.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct Gru {
  static constexpr int kGates = 3;
  static constexpr bool kHasC = false, kHasExtra = true;
  static constexpr int kBiasApart = 2;

  struct Forward {
    static constexpr int kFirstGate = 0, kGates = 3, kUnits = 1;
    static constexpr bool kReadsExtra = false;  // R is applied to h_prev

    template <bool kTraining>
    static RN_INLINE void activate(const ForwardStep& s, int64_t row, int64_t unit, float* sums) {
      float* gates = s.gates + row * s.gate_stride + unit * kGates * kLanes;
#pragma GCC unroll 2
      for (int g = 0; g < 2; ++g) {
        const vf y = sigmoid(load(gates + g * kLanes) + load(sums + g * kLanes));
        store(sums + g * kLanes, y);
        if constexpr (kTraining) store(gates + g * kLanes, y);
      }
    }
    template <bool kTraining>
    static RN_INLINE void update(const ForwardStep& s, int64_t row, int64_t unit,
                                 const float* sums) {
      float* candidate = s.gates + row * s.gate_stride + (unit * kGates + 2) * kLanes;
      const int64_t at = row * s.stride + unit * kLanes;
      const vf r = load(sums), z = load(sums + kLanes);
      const vf product = load(sums + 2 * kLanes) + load(s.recurrent_bias + unit * kLanes);
      const vf n = tanh(fma(r, product, load(candidate)));
      if constexpr (kTraining) {
        store(candidate, n);
        store(s.extra + at, product);
      }
      put_h(s, row, unit, fma(z, load(s.h_prev + at) - n, n));
    }
  };
  using ForwardPhases = Phases<Forward>;

  struct Backward {
    static constexpr ProductSpec kProducts[] = {{false, false, 0, 2}, {true, false, 2, 1}};

    static RN_INLINE void cell(const BackwardStep& s, int64_t row, int64_t unit, vf sums) {
      const float* gates = s.gates + row * s.gate_stride + unit * kGates * kLanes;
      const int64_t at = row * s.stride + unit * kLanes;
      const vf r = load(gates), z = load(gates + kLanes), n = load(gates + 2 * kLanes);
      const vf dh = take_dh(s, row, unit, sums, true);
      const vf dz = dh * (load(s.h_prev + at) - n);
      const vf dn = dh * (1.0f - z) * fnma(n, n, splat(1.0f));
      store(s.carry_h + at, dh * z);
      put_gate(s, kGates, row, 0, unit, dn * load(s.extra + at) * (r * (1.0f - r)));
      put_gate(s, kGates, row, 1, unit, dz * (z * (1.0f - z)));
      put_gate(s, kGates, row, 2, unit, dn);
      put_dextra(s, row, unit, dn * r);
    }
  };
  using BackwardPhases = Phases<Backward>;
  static constexpr bool kCarriesH = true;
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CELLS_GRU_H_

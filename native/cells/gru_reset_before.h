// GRU with the reset gate applied to the state before the product (Cho et al. 2014):
//   n = tanh(W x + b_in + R (r h) + b_hn),  h' = (1 - z) n + z h.
// R_n needs all of r h, so a step has two phases in either direction. Saved: r, z, n and r h
// (extra).
#ifndef RNNATIVE_CELLS_GRU_RESET_BEFORE_H_
#define RNNATIVE_CELLS_GRU_RESET_BEFORE_H_

#include "native/cpu/recurrent/cell.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct GruResetBefore {
  static constexpr int kGates = 3;
  static constexpr bool kHasC = false, kHasExtra = true;
  static constexpr int kBiasApart = -1;

  static RN_INLINE float* gates_of(const ForwardStep& s, int64_t row, int64_t unit) {
    return s.gates + row * s.gate_stride + unit * kGates * kLanes;
  }
  static RN_INLINE const float* gates_of(const BackwardStep& s, int64_t row, int64_t unit) {
    return s.gates + row * s.gate_stride + unit * kGates * kLanes;
  }

  struct ForwardGates {
    static constexpr int kFirstGate = 0, kGates = 2, kUnits = 2;
    static constexpr bool kReadsExtra = false;

    template <bool kTraining>
    static RN_INLINE void activate(const ForwardStep&, int64_t, int64_t, float*) {}
    template <bool kTraining>
    static RN_INLINE void update(const ForwardStep& s, int64_t row, int64_t unit,
                                 const float* sums) {
      float* gates = gates_of(s, row, unit);
      const int64_t at = row * s.stride + unit * kLanes;
      const vf r = sigmoid(load(gates) + load(sums));
      store(gates, r);
      store(gates + kLanes, sigmoid(load(gates + kLanes) + load(sums + kLanes)));
      put_extra(s, row, unit, r * load(s.h_prev + at));
    }
  };
  struct ForwardCandidate {
    static constexpr int kFirstGate = 2, kGates = 1, kUnits = 4;
    static constexpr bool kReadsExtra = true;  // R is applied to r h

    template <bool kTraining>
    static RN_INLINE void activate(const ForwardStep&, int64_t, int64_t, float*) {}
    template <bool kTraining>
    static RN_INLINE void update(const ForwardStep& s, int64_t row, int64_t unit,
                                 const float* sums) {
      float* gates = gates_of(s, row, unit);
      const vf z = load(gates + kLanes);
      const vf n = tanh(load(gates + 2 * kLanes) + load(sums));
      if constexpr (kTraining) store(gates + 2 * kLanes, n);
      put_h(s, row, unit, fma(z, load(s.h_prev + row * s.stride + unit * kLanes) - n, n));
    }
  };
  using ForwardPhases = Phases<ForwardGates, ForwardCandidate>;

  struct BackwardCandidate {
    static constexpr ProductSpec kProducts[] = {{false, false, 0, 2}};

    static RN_INLINE void cell(const BackwardStep& s, int64_t row, int64_t unit, vf sums) {
      const float* gates = gates_of(s, row, unit);
      const int64_t at = row * s.stride + unit * kLanes;
      const vf z = load(gates + kLanes), n = load(gates + 2 * kLanes);
      const vf dh = take_dh(s, row, unit, sums, true);
      const vf dz = dh * (load(s.h_prev + at) - n);
      store(s.carry_h + at, dh * z);
      put_gate(s, kGates, row, 1, unit, dz * (z * (1.0f - z)));
      put_gate(s, kGates, row, 2, unit, dh * (1.0f - z) * fnma(n, n, splat(1.0f)));
    }
  };
  struct BackwardGates {
    static constexpr ProductSpec kProducts[] = {{false, true, 2, 1}};

    static RN_INLINE void cell(const BackwardStep& s, int64_t row, int64_t unit, vf sums) {
      const vf r = load(gates_of(s, row, unit));
      const int64_t at = row * s.stride + unit * kLanes;
      store(s.carry_h + at, fma(sums, r, load(s.carry_h + at)));
      put_gate(s, kGates, row, 0, unit, sums * load(s.h_prev + at) * (r * (1.0f - r)));
    }
  };
  using BackwardPhases = Phases<BackwardCandidate, BackwardGates>;
  static constexpr bool kCarriesH = true;
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CELLS_GRU_RESET_BEFORE_H_

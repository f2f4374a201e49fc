// All cells (native/cells) over a GPU's floats, from an RnCell to its type, and a unit whose values
// are in registers. Values that a unit keeps for backward are its slots: the gates' activations,
// and what the cell wants kept besides. Gradients have as many: the last one, if it is not a
// gate's, is that of R h of the gate that has this product apart.
#ifndef RNNATIVE_CUDA_RECURRENT_CELLS_CUH_
#define RNNATIVE_CUDA_RECURRENT_CELLS_CUH_

#include <cuda_runtime.h>
#include <intrinsics.cuh>

#include <cmath>
#include <cstdint>

#include "native/abi/backend.h"
#include "native/cells/cells.h"

namespace rnnative::cuda {

// Accurate to f32: fast approximations would cost more than bf16 does where inputs are exact.
struct Scalars {
  using V = float;
  __device__ __forceinline__ static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
  __device__ __forceinline__ static float tanh(float x) { return tanhf(x); }
  __device__ __forceinline__ static float fma(float a, float b, float c) { return fmaf(a, b, c); }
  __device__ __forceinline__ static float fnma(float a, float b, float c) { return fmaf(-a, b, c); }
  __device__ __forceinline__ static float splat(float x) { return x; }
  __device__ __forceinline__ static float select(bool condition, float a, float b) {
    return condition ? a : b;
  }
};

// To 1e-6 of the result, by the units for special functions: a third of the time, for steps in a
// row whose operands are rounded to bf16, of 4e-3, anyway.
struct QuickScalars : Scalars {
  __device__ __forceinline__ static float sigmoid(float x) {
    return reciprocal_approximate(1.0f + __expf(-x));
  }
  __device__ __forceinline__ static float tanh(float x) {
    // Where 1 - e would cancel, the series; at 1/8 it ends 2e-9 short.
    const float x2 = x * x;
    const float near = x + x * x2 * fmaf(x2, fmaf(x2, -17.0f / 315.0f, 2.0f / 15.0f), -1.0f / 3.0f);
    const float e = __expf(-2.0f * fabsf(x));
    const float far = copysignf((1.0f - e) * reciprocal_approximate(1.0f + e), x);
    return fabsf(x) < 0.125f ? near : far;
  }
};

// Of a cell with options, of one direction.
struct CellVariant {
  RnCellOptions options;
  const float* peepholes[RN_PEEPHOLES];  // [H] or null: zeros
};
// As unit j meets it.
struct UnitVariant {
  const CellVariant* of = nullptr;
  int64_t j = 0;
};

template <class Math>
struct CellOf : Math, Math::Phases {
  static_assert(Math::Phases::kCount == Math::kProducts);
  static constexpr bool kTwoPhases = Math::kProducts == 2;
  static constexpr bool kKeepsExtra = Math::kExtra == cells::Extra::kKept;
  static constexpr int kSlots = Math::kGates + (kKeepsExtra || Math::kApart >= 0 ? 1 : 0);
  // The slot of the gradient of gate g's R h.
  __host__ __device__ static constexpr int product_slot(int gate) {
    return gate == Math::kApart ? Math::kGates : gate;
  }
};

// body.operator()<Cell>(); host or device, as the body is.
#pragma nv_exec_check_disable
template <class Math = Scalars, class Body>
__host__ __device__ __forceinline__ auto with_cell(int32_t cell, Body&& body) {
#define RN_CASE(NAME, name, Type, ...) \
  case RN_##NAME:                      \
    return body.template operator()<CellOf<cells::Type<Math>>>();
  switch (cell) { RN_CELLS(RN_CASE) }
#undef RN_CASE
  __builtin_unreachable();
}

// A row, and what CUDA asks of a cell besides.
struct CellTraits : RnCellRow {
  int64_t slots;        // S
  int64_t first_gates;  // of the first phase: G unless there are two
};
inline CellTraits traits_of(int32_t cell) {
  return with_cell(cell, [=]<class Cell>() {
    return CellTraits{*rn_cell(cell), Cell::kSlots, Cell::First::kGates};
  });
}

// A unit in a phase of its forward step. In: x and r, W x + b_ih and R h + b_hh of the phase's
// gates; `gates` of the phase before; the states. Out: the phase's gates, `kept`, the states.
template <class Cell, class Phase>
struct ForwardUnit {
  float x[Phase::kGates], r[Phase::kGates];
  float gates[Cell::kGates], kept;
  float h_before, c_before, h_after, c_after;
  UnitVariant variant;  // of a cell with options

  __device__ __forceinline__ float input(int gate) const { return x[gate - Phase::kFirst]; }
  __device__ __forceinline__ float product(int gate) const { return r[gate - Phase::kFirst]; }
  __device__ __forceinline__ float sum(int gate) const { return input(gate) + product(gate); }
  __device__ __forceinline__ float gate(int gate) const { return gates[gate]; }
  __device__ __forceinline__ float h() const { return h_before; }
  __device__ __forceinline__ float c() const { return c_before; }
  __device__ __forceinline__ const RnCellOptions& options() const { return variant.of->options; }
  __device__ __forceinline__ float peephole(int k) const {
    const float* p = variant.of->peepholes[k];
    return p == nullptr ? 0.0f : p[variant.j];
  }
  __device__ __forceinline__ void keep(int gate, float value) { gates[gate] = value; }
  __device__ __forceinline__ void keep_extra(float value) { kept = value; }
  __device__ __forceinline__ void put_h(float h) { h_after = h; }
  __device__ __forceinline__ void put_c(float c) { c_after = c; }

  __device__ __forceinline__ void step() {
    if constexpr (Phase::kActivated > 0) {
#pragma unroll
      for (int g = Phase::kFirst; g < Phase::kFirst + Phase::kActivated; ++g)
        keep(g, Phase::activate(g, sum(g)));
    }
    Phase::update(*this);
  }
  __device__ __forceinline__ float slot(int slot) const {
    return slot < Cell::kGates ? gates[slot] : kept;
  }
};

// ... of its backward step. In: the slots; the states; dh and dc, of those after the step; d_extra,
// of what the second phase multiplies, in the first one. Out: d, and dh and dc of those before, but
// for what goes through R.
template <class Cell>
struct BackwardUnit {
  float slots[Cell::kSlots];
  float h_before, c_before, c_after;
  float dh_after, dc_after, d_extra;
  float d[Cell::kSlots];
  float dh_before, dc_before;
  UnitVariant variant;

  __device__ __forceinline__ float gate(int gate) const { return slots[gate]; }
  __device__ __forceinline__ float extra() const {
    if constexpr (Cell::kExtra == cells::Extra::kOfC) return Cell::extra_of(c_after);
    return slots[Cell::kSlots - 1];
  }
  __device__ __forceinline__ float h() const { return h_before; }
  __device__ __forceinline__ float c() const { return c_before; }
  __device__ __forceinline__ const RnCellOptions& options() const { return variant.of->options; }
  __device__ __forceinline__ float peephole(int k) const {
    const float* p = variant.of->peepholes[k];
    return p == nullptr ? 0.0f : p[variant.j];
  }
  __device__ __forceinline__ float dh() const { return dh_after; }
  __device__ __forceinline__ float dc() const { return dc_after; }
  __device__ __forceinline__ float sums() const { return d_extra; }
  __device__ __forceinline__ float seen(float c) const { return c; }
  __device__ __forceinline__ float through(float a, float b, float dc) const {
    return fmaf(a, b, dc);
  }
  __device__ __forceinline__ float carried_h() const { return dh_after; }
  __device__ __forceinline__ void carry_h(float value) { dh_before = value; }
  __device__ __forceinline__ void carry_c(float value) { dc_before = value; }
  __device__ __forceinline__ void put(int gate, float value) { d[gate] = value; }
  __device__ __forceinline__ void put_apart(float value) { d[Cell::kSlots - 1] = value; }

  template <class Phase>
  __device__ __forceinline__ void step() {
    dh_before = dc_before = 0.0f;
    Phase::backward(*this);
  }
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_CELLS_CUH_

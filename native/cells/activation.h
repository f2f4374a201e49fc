// Activations: those that are usual, or chosen when a layer runs. The slopes of all follow from
// what they gave, so backward needs no more than a gate's activation, which is kept anyway. The
// choice is the same for all units of a layer: a branch that is always foreseen.
#ifndef RNNATIVE_CELLS_ACTIVATION_H_
#define RNNATIVE_CELLS_ACTIVATION_H_

#include "native/cells/math.h"

namespace rnnative::cells {

// Of a cell's gates and candidates; kByOption: its unit has RnCellOptions.
template <class A, bool kByOption>
struct Chosen {
  using V = typename A::V;

  template <class Unit>
  RN_CELL V gate(Unit& u, V sum) {
    if constexpr (!kByOption) return A::sigmoid(sum);
    return clipped_value(u.options(), u.options().gate, sum);
  }
  template <class Unit>
  RN_CELL V gate_slope(Unit& u, V y) {
    if constexpr (!kByOption) return y * (1.0f - y);
    return clipped_slope(u.options(), u.options().gate, y);
  }
  template <class Unit>
  RN_CELL V candidate(Unit& u, V sum) {
    if constexpr (!kByOption) return A::tanh(sum);
    return clipped_value(u.options(), u.options().candidate, sum);
  }
  template <class Unit>
  RN_CELL V candidate_slope(Unit& u, V y) {
    if constexpr (!kByOption) return A::fnma(y, y, A::splat(1.0f));
    return clipped_slope(u.options(), u.options().candidate, y);
  }

  // Within +- bound; NaN stays.
  RN_CELL V clip(V x, float bound) {
    const V most = A::splat(bound), least = A::splat(-bound);
    return A::select(x > bound, most, A::select(x < -bound, least, x));
  }
  RN_CELL V value(int32_t activation, V x) {
    switch (activation) {
      case RN_ACTIVATION_SIGMOID:
        return A::sigmoid(x);
      case RN_ACTIVATION_TANH:
        return A::tanh(x);
      case RN_ACTIVATION_RELU:
        return A::select(x < 0.0f, A::splat(0.0f), x);
      case RN_ACTIVATION_HARD_SIGMOID: {
        const V y = A::fma(x, A::splat(0.2f), A::splat(0.5f));
        return A::select(y < 0.0f, A::splat(0.0f), A::select(y > 1.0f, A::splat(1.0f), y));
      }
      default:
        return x;
    }
  }
  // dy / dx where the activation gave y.
  RN_CELL V slope(int32_t activation, V y) {
    const V one = A::splat(1.0f), zero = A::splat(0.0f);
    switch (activation) {
      case RN_ACTIVATION_SIGMOID:
        return y * (1.0f - y);
      case RN_ACTIVATION_TANH:
        return A::fnma(y, y, one);
      case RN_ACTIVATION_RELU:
        return A::select(y > 0.0f, one, zero);
      case RN_ACTIVATION_HARD_SIGMOID:
        return A::select(y > 0.0f, A::select(y < 1.0f, A::splat(0.2f), zero), zero);
      default:
        return one;
    }
  }
  // Of a sum that is clipped first; flat where y is what a bound gives.
  RN_CELL V clipped_value(const RnCellOptions& by, int32_t activation, V sum) {
    return value(activation, clip(sum, (float)by.gate_clip));
  }
  RN_CELL V clipped_slope(const RnCellOptions& by, int32_t activation, V y) {
    const V most = value(activation, A::splat((float)by.gate_clip));
    const V least = value(activation, A::splat(-(float)by.gate_clip));
    const V inner = A::select(y < most, slope(activation, y), A::splat(0.0f));
    return A::select(y > least, inner, A::splat(0.0f));
  }
};

}  // namespace rnnative::cells

#endif  // RNNATIVE_CELLS_ACTIVATION_H_

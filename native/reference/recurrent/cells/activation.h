// Activations and bounds by RnCellOptions.
#ifndef RNNATIVE_REFERENCE_RECURRENT_CELLS_ACTIVATION_H_
#define RNNATIVE_REFERENCE_RECURRENT_CELLS_ACTIVATION_H_

#include <algorithm>

#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {

inline double value(int32_t activation, double x) {
  switch (activation) {
    case RN_ACTIVATION_SIGMOID:
      return sigmoid(x);
    case RN_ACTIVATION_TANH:
      return std::tanh(x);
    case RN_ACTIVATION_RELU:
      return x < 0 ? 0 : x;
    case RN_ACTIVATION_HARD_SIGMOID:
      return std::clamp(0.2 * x + 0.5, 0.0, 1.0);
    default:
      return x;
  }
}
// At x itself, which is kept.
inline double slope(int32_t activation, double x) {
  const double y = value(activation, x);
  switch (activation) {
    case RN_ACTIVATION_SIGMOID:
      return y * (1 - y);
    case RN_ACTIVATION_TANH:
      return 1 - y * y;
    case RN_ACTIVATION_RELU:
      return x > 0 ? 1 : 0;
    case RN_ACTIVATION_HARD_SIGMOID:
      return y > 0 && y < 1 ? 0.2 : 0;
    default:
      return 1;
  }
}

// The sum of a gate before its activation, clipped, and whether that changed nothing.
inline double clip(double x, double bound) {
  return std::clamp(x, -bound, bound);
}
inline bool within(double x, double bound) {
  return x > -bound && x < bound;
}

// Of a sum: what becomes of it, and the slope at it, which is kept.
inline double gate_of(const RnCellOptions& by, double sum) {
  return value(by.gate, clip(sum, by.gate_clip));
}
inline double candidate_of(const RnCellOptions& by, double sum) {
  return value(by.candidate, clip(sum, by.gate_clip));
}
inline double gate_slope(const RnCellOptions& by, double sum) {
  return within(sum, by.gate_clip) ? slope(by.gate, sum) : 0;
}
inline double candidate_slope(const RnCellOptions& by, double sum) {
  return within(sum, by.gate_clip) ? slope(by.candidate, sum) : 0;
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_CELLS_ACTIVATION_H_

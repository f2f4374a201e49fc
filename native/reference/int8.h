// Products in int8: the definition of RN_PRECISION_INT8 (native/abi/int8.h).
#ifndef RNNATIVE_REFERENCE_INT8_H_
#define RNNATIVE_REFERENCE_INT8_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace rnnative::reference {

// Whole numbers and the scale of n values.
struct Quantised {
  float scale = 0;
  std::vector<float> whole;
};

// The largest magnitude in f32; NaN where one is not finite.
inline float largest(const double* x, int64_t n) {
  float most = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float magnitude = std::fabs(static_cast<float>(x[i]));
    if (!std::isfinite(magnitude)) return NAN;
    most = std::max(most, magnitude);
  }
  return most;
}
// Too small a largest value makes all of them zero.
inline bool is_nothing(float most) {
  return most < 0x1p-100f;
}

// Values first .. first + n of a row of a weight that has `all`.
inline Quantised quantise_weight(const double* row, int64_t all, int64_t first, int64_t n) {
  Quantised q = {largest(row, all) / 127.0F, std::vector<float>(static_cast<size_t>(n))};
  if (std::isnan(q.scale)) return q;
  if (is_nothing(largest(row, all))) {
    q.scale = 0;
    return q;
  }
  uint32_t bits = 0;
  std::memcpy(&bits, &q.scale, sizeof bits);
  bits = (bits + 0xff) & ~0xffU;
  std::memcpy(&q.scale, &bits, sizeof bits);
  for (int64_t i = 0; i < n; ++i)
    q.whole[static_cast<size_t>(i)] = std::nearbyint(static_cast<float>(row[first + i]) / q.scale);
  return q;
}
inline Quantised quantise_vector(const double* x, int64_t n) {
  const float most = largest(x, n);
  Quantised q = {most / 127.0F, std::vector<float>(static_cast<size_t>(n))};
  if (std::isnan(most)) return q;
  if (is_nothing(most)) {
    q.scale = 0;
    return q;
  }
  const float by = 127.0F / most;
  for (int64_t i = 0; i < n; ++i)
    q.whole[static_cast<size_t>(i)] = std::nearbyint(static_cast<float>(x[i]) * by);
  return q;
}
inline double dot(const Quantised& a, const Quantised& b) {
  int64_t sum = 0;
  for (size_t i = 0; i < a.whole.size(); ++i)
    sum += static_cast<int64_t>(a.whole[i]) * static_cast<int64_t>(b.whole[i]);
  return static_cast<double>(static_cast<float>(sum)) * static_cast<double>(a.scale * b.scale);
}

// y = W x + b. w: [rows, columns]; b may be NULL. Values of x from `cut` on are a vector of their
// own.
inline void affine_int8(const double* w, const double* b, const double* x, int64_t rows,
                        int64_t columns, int64_t cut, double* y) {
  const Quantised first = quantise_vector(x, cut), rest = quantise_vector(x + cut, columns - cut);
  for (int64_t i = 0; i < rows; ++i) {
    const double* row = w + i * columns;
    y[i] = (b ? b[i] : 0) + dot(first, quantise_weight(row, columns, 0, cut));
    if (cut < columns) y[i] += dot(rest, quantise_weight(row, columns, cut, columns - cut));
  }
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_INT8_H_

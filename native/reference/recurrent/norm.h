// Layer norm of a layer and direction (RnRecurrentDesc). Nothing of it is kept: backward forms what
// it needs again.
#ifndef RNNATIVE_REFERENCE_RECURRENT_NORM_H_
#define RNNATIVE_REFERENCE_RECURRENT_NORM_H_

#include <cmath>
#include <vector>

#include "native/abi/cells.h"
#include "native/reference/recurrent/cells/affine.h"

namespace rnnative::reference {

// L(v; gain) of n values, in place of v.
inline void normalise(const double* gain, int64_t n, double* v) {
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < n; ++i) mean += v[i] / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i)
    variance += (v[i] - mean) * (v[i] - mean) / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i)
    v[i] = gain[i] * (v[i] - mean) / std::sqrt(variance + RN_NORM_EPSILON);
}
// d: that of L(v; gain), becomes that of v. dgain: accumulated, or NULL.
inline void normalise_backward(const double* gain, int64_t n, const double* v, double* dgain,
                               double* d) {
  const std::vector<double> ones(static_cast<size_t>(n), 1.0);
  std::vector<double> hat(v, v + n);
  normalise(ones.data(), n, hat.data());
  double mean = 0, variance = 0, sum = 0, along = 0;
  const auto count = static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) mean += v[i] / count;
  for (int64_t i = 0; i < n; ++i) variance += (v[i] - mean) * (v[i] - mean) / count;
  for (int64_t i = 0; i < n; ++i) {
    if (dgain) dgain[i] += d[i] * hat[static_cast<size_t>(i)];
    d[i] *= gain[i];
    sum += d[i] / count;
    along += d[i] * hat[static_cast<size_t>(i)] / count;
  }
  for (int64_t i = 0; i < n; ++i)
    d[i] =
        (d[i] - sum - hat[static_cast<size_t>(i)] * along) / std::sqrt(variance + RN_NORM_EPSILON);
}

struct Norm {
  int64_t hidden, gates, first;  // H, G, and the gates that are normalised together
  const double *ih, *hh, *c, *c_bias;
  double *dih, *dhh, *dc, *dc_bias;  // accumulated; NULL: not wanted

  // Sums of all gates, in place.
  void sums(const double* gain, double* v) const {
    const int64_t cut = first * hidden;
    normalise(gain, cut, v);
    if (first < gates) normalise(gain + cut, (gates - first) * hidden, v + cut);
  }
  void sums_backward(const double* gain, const double* v, double* dgain, double* d) const {
    const int64_t cut = first * hidden;
    normalise_backward(gain, cut, v, dgain, d);
    if (first < gates)
      normalise_backward(gain + cut, (gates - first) * hidden, v + cut,
                         dgain ? dgain + cut : nullptr, d + cut);
  }
};

// W x + b of a step, or of x that holds W x already (w NULL); norm: NULL, or its `gain` of that.
struct Sums {
  const double *w, *b, *x;
  int64_t columns;
  const Norm* norm;
  const double* gain;
  double* dgain;
  Arithmetic by;
};
inline void raw_sums(const Sums& s, int64_t rows, double* y) {
  if (s.w) return affine(s.by, s.w, nullptr, s.x, rows, s.columns, y);
  for (int64_t i = 0; i < rows; ++i) y[i] = s.x[i];
}
inline void form_sums(const Sums& s, int64_t rows, double* y) {
  raw_sums(s, rows, y);
  if (s.norm) s.norm->sums(s.gain, y);
  for (int64_t i = 0; i < rows; ++i) y[i] += s.b ? s.b[i] : 0;
}
// dw, db, dx: accumulated, or NULL.
inline void form_sums_backward(const Sums& s, int64_t rows, const double* dy, double* dw,
                               double* db, double* dx) {
  std::vector<double> d(dy, dy + rows), raw(static_cast<size_t>(s.norm ? rows : 0));
  for (int64_t i = 0; db && i < rows; ++i) db[i] += dy[i];
  if (s.norm) {
    raw_sums(s, rows, raw.data());
    s.norm->sums_backward(s.gain, raw.data(), s.dgain, d.data());
  }
  if (s.w) return affine_backward(s.w, s.x, d.data(), rows, s.columns, dw, nullptr, dx);
  for (int64_t i = 0; dx && i < rows; ++i) dx[i] += d[static_cast<size_t>(i)];
}

// What the output sees of c.
inline std::vector<double> seen_of(const Norm* norm, const double* c, int64_t n) {
  std::vector<double> seen(c, c + n);
  if (!norm) return seen;
  normalise(norm->c, n, seen.data());
  for (int64_t j = 0; j < n; ++j) seen[static_cast<size_t>(j)] += norm->c_bias[j];
  return seen;
}
// d: that of what it sees, becomes that of c.
inline void seen_backward(const Norm* norm, const double* c, std::vector<double>* d) {
  if (!norm) return;
  const auto n = static_cast<int64_t>(d->size());
  for (int64_t j = 0; norm->dc_bias && j < n; ++j) norm->dc_bias[j] += (*d)[static_cast<size_t>(j)];
  normalise_backward(norm->c, n, c, norm->dc, d->data());
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_NORM_H_

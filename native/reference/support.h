// What the reference ops share: gradient outputs, scratch memory, index checks and random words.
#ifndef RNNATIVE_REFERENCE_SUPPORT_H_
#define RNNATIVE_REFERENCE_SUPPORT_H_

#include <algorithm>
#include <cstdio>
#include <new>

#include "native/abi/backend.h"
#include "native/runtime/philox.h"

namespace rnnative::reference {

inline const double* real(const void* data) {
  return static_cast<const double*>(data);
}
inline double* real(void* data) {
  return static_cast<double*>(data);
}

// Opens a gradient of n elements for `+=`: zeroed first when it is to be written. NULL: skip it.
inline double* open(const RnGrad& grad, int64_t n) {
  if (grad.mode == RN_GRAD_SKIP) return nullptr;
  double* data = real(grad.data);
  if (grad.mode == RN_GRAD_WRITE) std::fill_n(data, n, 0.0);
  return data;
}

// n zeroed doubles that live until the op returns. Throws std::bad_alloc over the memory limit.
inline double* scratch(RnContext* context, int64_t n) {
  void* data = context->scratch(context->runtime, static_cast<size_t>(n) * sizeof(double));
  if (data == nullptr && n > 0) throw std::bad_alloc();
  std::fill_n(real(data), n, 0.0);
  return real(data);
}

// Runs an op that may run out of memory.
template <typename Body>
int32_t guarded(RnContext* context, Body body) {
  try {
    body();
    return RN_OK;
  } catch (const std::bad_alloc&) {
    std::snprintf(context->error, sizeof context->error, "no memory for scratch");
    return RN_ERR_OUT_OF_MEMORY;
  }
}

// Checks that values[0..n-1] lie in 0..last, except those equal to `exempt`.
inline int32_t check_indices(RnContext* context, const char* what, const int32_t* values, int64_t n,
                             int64_t last, int64_t exempt = INT64_MIN) {
  for (int64_t i = 0; i < n; ++i) {
    if ((values[i] >= 0 && values[i] <= last) || values[i] == exempt) continue;
    std::snprintf(context->error, sizeof context->error, "%s %d at position %lld: expected 0..%lld",
                  what, values[i], static_cast<long long>(i), static_cast<long long>(last));
    return RN_ERR_INDEX;
  }
  return RN_OK;
}

inline int32_t check_lengths(RnContext* context, const int32_t* lengths, int64_t batch,
                             int64_t time) {
  return lengths == nullptr ? RN_OK : check_indices(context, "length", lengths, batch, time);
}

inline int32_t check_penalties(RnContext* context, const RnPenalties& penalties, int64_t rows,
                               int64_t vocabulary) {
  if (int32_t status =
          check_indices(context, "penalty row", penalties.rows, penalties.count, rows - 1))
    return status;
  return check_indices(context, "penalty token", penalties.tokens, penalties.count, vocabulary - 1);
}

// Adds them to scores: [rows, vocabulary].
inline void penalise(const RnPenalties& penalties, int64_t vocabulary, double* scores) {
  for (int64_t i = 0; i < penalties.count; ++i)
    scores[penalties.rows[i] * vocabulary + penalties.tokens[i]] += real(penalties.values)[i];
}

// What an op answers where nothing can be chosen after a row; RN_OK where row is negative.
inline int32_t check_choice(RnContext* context, int64_t row) {
  if (row < 0) return RN_OK;
  std::snprintf(context->error, sizeof context->error,
                "row %lld: expected scores with a finite maximum and no NaN",
                static_cast<long long>(row));
  return RN_ERR_NONFINITE;
}

// The random number in [0, 1) of one element of one sample of the batch.
inline double uniform(const RnRandom& random, int64_t sample, int64_t element) {
  uint32_t words[4];
  rn_random_block(&random, 0, static_cast<uint64_t>(sample), static_cast<uint64_t>(element) >> 2,
                  words);
  return rn_uniform(words[element & 3]);
}

// Dropout's factor for one element: 0, or 1 / (1 - p).
inline double dropout_factor(const RnRandom& random, int64_t sample, int64_t element, double p) {
  return uniform(random, sample, element) >= p ? 1.0 / (1.0 - p) : 0.0;
}

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_SUPPORT_H_

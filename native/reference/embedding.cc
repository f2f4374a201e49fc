// Rows of a table, by id.
#include <map>

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t embedding(RnContext* context, const RnEmbedding* args) {
  const int64_t features = args->features;
  if (int32_t status = check_indices(context, "id", args->ids, args->rows, args->vocabulary - 1))
    return status;
  for (int64_t n = 0; n < args->rows; ++n)
    std::copy_n(real(args->table) + args->ids[n] * features, features,
                real(args->y) + n * features);
  return RN_OK;
}

int32_t touched_rows(RnContext* context, const RnTouchedRows* args) {
  const int64_t features = args->features;
  std::map<int32_t, int64_t> place;
  const auto each = [&](const auto& body) {
    int64_t n = 0;
    for (int32_t l = 0; l < args->lists; ++l)
      for (int64_t i = 0; i < args->ids[l].count; ++i, ++n)
        if (args->ids[l].ids[i] != args->ids[l].none) body(args->ids[l].ids[i], n);
  };
  for (int32_t l = 0; l < args->lists; ++l) {
    const RnIds& list = args->ids[l];
    if (int32_t status =
            check_indices(context, "id", list.ids, list.count, args->vocabulary - 1, list.none))
      return status;
  }
  each([&](int32_t id, int64_t) { place[id] = 0; });
  std::fill_n(args->touched, args->capacity, -1);
  std::fill_n(real(args->sums), args->capacity * features, 0.0);
  int64_t count = 0;
  for (auto& [id, at] : place) {
    at = count++;
    args->touched[at] = id;
  }
  each([&](int32_t id, int64_t n) {
    double* sum = real(args->sums) + place[id] * features;
    for (int64_t f = 0; f < features; ++f) sum[f] += real(args->dy)[n * features + f];
  });
  return RN_OK;
}

int32_t embedding_backward(RnContext* context, const RnEmbeddingBackward* args) {
  const int64_t features = args->features;
  if (int32_t status = check_indices(context, "id", args->ids, args->rows, args->vocabulary - 1))
    return status;
  double* dtable = open(args->dtable, args->vocabulary * features);
  if (dtable == nullptr) return RN_OK;
  for (int64_t n = 0; n < args->rows; ++n)
    for (int64_t f = 0; f < features; ++f)
      dtable[args->ids[n] * features + f] += real(args->dy)[n * features + f];
  return RN_OK;
}

}  // namespace rnnative::reference

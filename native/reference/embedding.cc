// Rows of a table, by id.
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

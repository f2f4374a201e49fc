// Copies between strided layouts, and masking of padded time steps.
#include <cstring>

#include "native/abi/backend.h"
#include "native/reference/strides.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t strided_copy(RnContext*, const RnStridedCopy* args) {
  for_each_index(args->dims, args->shape, [&](int64_t, const int64_t* index) {
    const int64_t from = offset_of(args->dims, index, args->x_strides);
    const int64_t to = offset_of(args->dims, index, args->y_strides);
    if (args->add) {
      real(args->y)[to] += real(args->x)[from];
    } else {
      const int64_t size = args->element_size;
      std::memcpy(static_cast<char*>(args->y) + to * size,
                  static_cast<const char*>(args->x) + from * size, static_cast<size_t>(size));
    }
  });
  return RN_OK;
}

int32_t mask_time(RnContext* context, const RnMaskTime* args) {
  if (int32_t status = check_lengths(context, args->lengths, args->batch, args->time))
    return status;
  double* y = open(args->y, args->time * args->batch * args->features);
  if (y == nullptr) return RN_OK;
  for (int64_t t = 0; t < args->time; ++t) {
    for (int64_t b = 0; b < args->batch; ++b) {
      if (t >= args->lengths[b]) continue;
      const int64_t row = (t * args->batch + b) * args->features;
      for (int64_t f = 0; f < args->features; ++f) y[row + f] += real(args->x)[row + f];
    }
  }
  return RN_OK;
}

}  // namespace rnnative::reference

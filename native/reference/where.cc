// Choice by a condition, with broadcasting.
#include "native/abi/backend.h"
#include "native/reference/strides.h"
#include "native/reference/support.h"

namespace rnnative::reference {

int32_t where(RnContext*, const RnWhere* args) {
  for_each_index(args->dims, args->shape, [&](int64_t i, const int64_t* index) {
    const bool chosen = args->condition[offset_of(args->dims, index, args->condition_strides)] != 0;
    real(args->y)[i] = chosen ? real(args->a)[offset_of(args->dims, index, args->a_strides)]
                              : real(args->b)[offset_of(args->dims, index, args->b_strides)];
  });
  return RN_OK;
}

int32_t where_backward(RnContext*, const RnWhereBackward* args) {
  double* dx = open(args->dx, args->x_size);
  if (dx == nullptr) return RN_OK;
  for_each_index(args->dims, args->shape, [&](int64_t i, const int64_t* index) {
    const bool chosen = args->condition[offset_of(args->dims, index, args->condition_strides)] != 0;
    if (chosen == (args->chosen != 0))
      dx[offset_of(args->dims, index, args->x_strides)] += real(args->dy)[i];
  });
  return RN_OK;
}

}  // namespace rnnative::reference

// What is added to the scores of some tokens after some rows: see RnPenalties in backend.h.
#ifndef RNNATIVE_OPS_PENALTIES_H_
#define RNNATIVE_OPS_PENALTIES_H_

#include "native/ops/check.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

struct Penalties {
  Tensor rows, tokens, values;  // i32 [P], i32 [P], [P]; all null: none
};
void check_penalties(const Checker& check, const Penalties& penalties);
RnPenalties penalties_of(OpRun& run, const Penalties& penalties);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_PENALTIES_H_

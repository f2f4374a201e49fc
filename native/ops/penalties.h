// Logits to choose tokens by, and what is added to the scores of some tokens after some rows: see
// RnPenalties in backend.h.
#ifndef RNNATIVE_OPS_PENALTIES_H_
#define RNNATIVE_OPS_PENALTIES_H_

#include "native/ops/check.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

struct Penalties {
  Tensor rows, tokens, values;  // i32 [P], i32 [P], [P]; all null: none
};

// Logits real [rows, vocabulary], at least one token of it.
void check_logits(const Checker& check, const Tensor& logits);
void check_penalties(const Checker& check, const Penalties& penalties);
Op& read_penalties(Op& op, const Penalties& penalties);
RnPenalties penalties_of(OpRun& run, const Penalties& penalties);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_PENALTIES_H_

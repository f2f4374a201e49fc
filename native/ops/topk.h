// The best continuations of the hypotheses of beams: see RnTopk in backend.h.
#ifndef RNNATIVE_OPS_TOPK_H_
#define RNNATIVE_OPS_TOPK_H_

#include "native/ops/penalties.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

struct TopkArgs {
  Tensor logits;             // [rows, vocabulary]
  Tensor scores;             // [rows]
  int64_t beams = 1, k = 1;  // rows = sentences * beams
  Penalties penalties;
};
struct Topk {
  Tensor indices;  // i32 [rows / beams, k]
  Tensor scores;   // [rows / beams, k]
};
Topk topk(Queue& queue, const TopkArgs& args);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_TOPK_H_

// Log-likelihoods of a linear-chain conditional random field.
#ifndef RNNATIVE_OPS_CRF_H_
#define RNNATIVE_OPS_CRF_H_

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// Tags that a field may have.
inline constexpr int64_t kMostTags = 256;

// The formula is at RnCrf.
struct CrfArgs {
  Tensor emissions;    // [T, B, K]
  Tensor transitions;  // [K, K]
  Tensor start, end;   // [K]
  Tensor targets;      // i32 [T, B]
  Tensor lengths;      // i32 [B] or null
};
struct CrfResult {
  Tensor likelihoods;  // [B]
  Tensor reserve;      // null unless training
};

CrfResult crf(Queue& queue, const CrfArgs& args, bool training);
// dlikelihoods: [B].
void crf_backward(Queue& queue, const CrfArgs& args, const Tensor& reserve,
                  const Tensor& dlikelihoods, const Sink& demissions, const Sink& dtransitions,
                  const Sink& dstart, const Sink& dend);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_CRF_H_

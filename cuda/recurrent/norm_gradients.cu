// The gradients of layer norm's gains, and of the bias of c: sums over all tokens.
#include "cuda/core/reduction.cuh"
#include "cuda/recurrent/gradients.cuh"

namespace rnnative::cuda {
namespace {

// What each token adds: the gradient of a gate's sum times that sum as it was normalised. A thread
// for each of [N, G*H].
struct Terms {
  Rows rows;
  int64_t tokens, hidden, gates, gate_row;
  int64_t apart;        // the slot that the last gate's gradient is in, or -1
  const float* dgates;  // [N, S*H]
  const float* hat;     // [N, G*H]
  float* terms;
};
__global__ void terms_kernel(Terms s) {
  const int64_t width = s.gates * s.hidden;
  for (int64_t at = first_index(); at < s.tokens * width; at += index_stride()) {
    const int64_t n = at / width, k = at % width, gate = k / s.hidden;
    const int64_t slot = s.apart >= 0 && gate == s.gates - 1 ? s.apart : gate;
    const float d = s.dgates[n * s.gate_row + slot * s.hidden + k % s.hidden];
    s.terms[at] = s.rows.token(n) < 0 ? 0.0f : d * s.hat[at];
  }
}

}  // namespace

int32_t norm_gradients(RnContext* ctx, const RecurrentLayout& layout, const GradientWork& work,
                       const LayerBackward& layer, const RnRecurrentSlotGrads& dslots,
                       int64_t direction) {
  const int64_t hidden = layout.desc.hidden, tokens = layer.layer.sequence->tokens;
  const int64_t width = layout.gates * hidden, row = layout.slots * hidden;
  Terms s = {layer.layer.sequence->rows,
             tokens,
             hidden,
             layout.gates,
             row,
             -1,
             layer.dgates + direction * tokens * row,
             nullptr,
             work.terms};
  int32_t status = RN_OK;
  for (const bool of_h : {false, true}) {
    const RnGrad& grad = dslots.slot[of_h ? RN_N_HH : RN_N_IH];
    if (status != RN_OK || grad.mode == RN_GRAD_SKIP) continue;
    s.hat = (of_h ? layer.h_hat : layer.x_hat) + direction * tokens * width;
    s.apart = of_h && layout.cell.apart ? layout.gates : -1;
    if (tokens > 0) status = launch(ctx, over(tokens * width), terms_kernel, s);
    if (status == RN_OK) status = sum_columns(ctx, s.terms, tokens, width, width, grad);
  }
  if (!layout.has_c()) return status;
  const int64_t first = direction * tokens * hidden;
  for (const bool of_bias : {false, true}) {
    const RnGrad& grad = dslots.slot[of_bias ? RN_N_C_BIAS : RN_N_C];
    if (status != RN_OK || grad.mode == RN_GRAD_SKIP) continue;
    const float* terms = (of_bias ? layer.dseen : layer.dseen_hat) + first;
    status = sum_columns(ctx, terms, tokens, hidden, hidden, grad);
  }
  return status;
}

}  // namespace rnnative::cuda

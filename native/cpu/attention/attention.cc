// Attention, forward: a row of the batch at a time, each on one thread, with scores, mask, softmax
// and context while the row's operands are in cache. See attention.h and attention_kernels.h.
// A step of decoding has few queries: it reads values where they lie, far apart, as copying them
// side by side would cost more than the products.
#include "native/cpu/attention/attention.h"

#include "native/abi/backend.h"
#include "native/cpu/attention/op.h"

namespace rnnative::cpu::RN_ISA {

int32_t attention(RnContext* ctx, const RnAttention* args) {
  const int32_t status = check_attention_lengths(ctx, *args);
  if (status != RN_OK) return status;
  const AttentionOp op(*args);
  const Scoring& s = op.scoring;
  const int64_t Tq = op.desc.queries, Tk = op.desc.keys, B = op.desc.batch;
  const int64_t A = s.features, V = s.width;
  const int64_t pair_floats = (Tq + Tk) * s.ld_features, contexts = Tq * s.ld_width;
  const int64_t values = Tk * s.ld_width, scores = Tq * op.ldw;
  constexpr int64_t kFewQueries = 8;
  const bool in_place = Tq <= kFewQueries && V % kLanes == 0;
  // Contexts take the place of queries and keys, which are done with by then.
  const int64_t own = in_place
                          ? scores + pair_floats
                          : scores + values + (pair_floats > contexts ? pair_floats : contexts);
  float* scratch = scratch_floats(ctx, own * ctx->threads);
  float* v = padded_v(ctx, s, (const float*)args->v);
  if (!scratch || !v) return RN_ERR_OUT_OF_MEMORY;

  each_row(ctx, B, op.work(), [&](int64_t b, int thread) {
    const int64_t nk = op.keys(b), nq = nk > 0 ? op.queries(b) : 0;
    float* context = (float*)args->context + b * V;
    float* weights = (float*)args->weights + b * Tk;
    for (int64_t i = nq; i < Tq; ++i) {
      memset(context + i * B * V, 0, (size_t)V * sizeof(float));
      memset(weights + i * B * Tk, 0, (size_t)Tk * sizeof(float));
    }
    if (nq == 0) return;
    float* row_weights = scratch + thread * own;
    float* memory = row_weights + scores;
    float* row_context = in_place ? memory : memory + values;
    Pairs pairs = {row_context, row_context + Tq * s.ld_features, nq, nk, v, false};
    gather_padded(op.rows(args->queries, b, A), nq, A, pairs.q);
    gather_padded(op.rows(args->keys, b, A), nk, A, pairs.k);
    const Rows own_values = op.rows(args->values, b, V);
    if (!in_place) gather_padded(own_values, nk, V, memory);
    prepare(s, &pairs);
    attend(s, pairs, row_weights, op.ldw);
    for (int64_t i = 0; i < nq; ++i) {
      memcpy(weights + i * B * Tk, row_weights + i * op.ldw, (size_t)nk * sizeof(float));
      memset(weights + i * B * Tk + nk, 0, (size_t)(Tk - nk) * sizeof(float));
    }
    const Coefficients by_query = {row_weights, op.ldw, 1};
    if (in_place) {
      combine(by_query, nq, own_values.data, own_values.stride, nk, context, B * V, V, false);
      return;
    }
    combine(by_query, nq, memory, s.ld_width, nk, row_context, s.ld_width, s.ld_width, false);
    scatter_padded(row_context, nq, V, context, B * V, false);
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

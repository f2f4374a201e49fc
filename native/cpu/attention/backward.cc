// Attention, backward: a row of the batch at a time, as forward. tanh is computed again, so that
// nothing of the size of queries x keys x features is ever stored. The gradient of v is summed from
// that of each row, in order.
#include "native/abi/backend.h"
#include "native/cpu/attention/attention.h"
#include "native/cpu/attention/op.h"
#include "native/cpu/gemm/gemm.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// One thread's padded copies. Those of values and contexts are done with before those of queries
// and keys are made, and share their place: all of it then fits the L2 cache at usual sizes.
struct Work {
  float *weights, *ds;       // [Tq, ldw]
  float *values, *dcontext;  // [Tk, ld_width], [Tq, ld_width]
  float *q, *k, *dq, *dk;    // [Tq or Tk, ld_features]

  static int64_t floats(const AttentionOp& op) {
    const int64_t rows = op.desc.queries + op.desc.keys;
    const int64_t first = rows * op.scoring.ld_width, second = rows * 2 * op.scoring.ld_features;
    return 2 * op.desc.queries * op.ldw + (first > second ? first : second);
  }
  Work(const AttentionOp& op, float* p) {
    const int64_t Tq = op.desc.queries, Tk = op.desc.keys, ld = op.scoring.ld_features;
    weights = p;
    ds = weights + Tq * op.ldw;
    values = ds + Tq * op.ldw;
    dcontext = values + Tk * op.scoring.ld_width;
    q = values;
    k = q + Tq * ld;
    dq = k + Tk * ld;
    dk = dq + Tq * ld;
  }
};

bool wanted(const RnGrad& g) {
  return g.mode != RN_GRAD_SKIP;
}

// Writes or adds row b of [time, B, width]: `n` rows, and zeros past them.
void put_rows(const RnGrad& grad, const AttentionOp& op, int64_t b, int64_t width, int64_t time,
              int64_t n, const float* from) {
  if (!wanted(grad)) return;
  const int64_t stride = op.desc.batch * width;
  float* to = (float*)grad.data + b * width;
  const bool add = grad.mode == RN_GRAD_ADD;
  scatter_padded(from, n, width, to, stride, add);
  for (int64_t i = n; i < time && !add; ++i)
    memset(to + i * stride, 0, (size_t)width * sizeof(float));
}

// dweights of the row: those of the context, and the caller's.
void weight_gradients(const RnAttentionBackward& args, const AttentionOp& op, int64_t b,
                      const Pairs& p, const Work& w) {
  const int64_t V = op.desc.width, Tk = op.desc.keys, ld = op.scoring.ld_width;
  if (args.dcontext) {
    gather_padded(op.rows(args.dcontext, b, V), p.queries, V, w.dcontext);
    gather_padded(op.rows(args.forward.values, b, V), p.keys, V, w.values);
    score_pairs<DotPair>(w.dcontext, p.queries, ld, w.values, p.keys, ld, nullptr, ld, 1.0f, w.ds,
                         op.ldw);
  } else {
    memset(w.ds, 0, (size_t)(p.queries * op.ldw) * sizeof(float));
  }
  if (!args.dweights) return;
  const Rows given = op.rows(args.dweights, b, Tk);
  for (int64_t i = 0; i < p.queries; ++i)
    for (int64_t j = 0; j < p.keys; ++j) w.ds[i * op.ldw + j] += given(i)[j];
}

// Writes over the row's padded values, which nobody needs any more. Returns how many rows there
// are.
int64_t value_gradients(const AttentionOp& op, const Pairs& p, const Work& w) {
  const int64_t ld = op.scoring.ld_width;
  if (p.queries == 0) return 0;
  combine({w.weights, 1, op.ldw}, p.keys, w.dcontext, ld, p.queries, w.values, ld, ld, false);
  return p.keys;
}

}  // namespace

int32_t attention_backward(RnContext* ctx, const RnAttentionBackward* args) {
  const RnAttention& forward = args->forward;
  const int32_t status = check_attention_lengths(ctx, forward);
  if (status != RN_OK) return status;
  const AttentionOp op(forward);
  const Scoring& s = op.scoring;
  const int64_t B = op.desc.batch, A = s.features, own = Work::floats(op);
  const bool of_pairs = wanted(args->dqueries) || wanted(args->dkeys) || wanted(args->dv);
  float* scratch = scratch_floats(ctx, own * ctx->threads);
  float* v = padded_v(ctx, s, (const float*)forward.v);
  float* dv = scratch_floats(ctx, s.additive() ? B * s.ld_features : 0);  // of each row
  if (!scratch || !v || !dv) return RN_ERR_OUT_OF_MEMORY;

  each_row(ctx, B, 2 * op.work(), [&](int64_t b, int thread) {
    const int64_t nk = op.keys(b), nq = nk > 0 ? op.queries(b) : 0;
    const Work w(op, scratch + thread * own);
    Pairs pairs = {w.q, w.k, nq, nq > 0 ? nk : 0, v, false};
    float* row_dv = s.additive() ? dv + b * s.ld_features : nullptr;
    if (nq > 0) {
      const Rows weights = op.rows(forward.weights, b, op.desc.keys);
      for (int64_t i = 0; i < nq; ++i)
        memcpy(w.weights + i * op.ldw, weights(i), (size_t)nk * sizeof(float));
      weight_gradients(*args, op, b, pairs, w);
    }
    if (wanted(args->dvalues))
      put_rows(args->dvalues, op, b, op.desc.width, op.desc.keys,
               args->dcontext ? value_gradients(op, pairs, w) : 0, w.values);
    if (nq > 0 && of_pairs) {
      attend_backward(s, pairs, w.weights, w.ds, op.ldw);
      gather_padded(op.rows(forward.queries, b, A), nq, A, w.q);
      gather_padded(op.rows(forward.keys, b, A), nk, A, w.k);
      prepare(s, &pairs);
      pair_gradients(s, pairs, w.ds, op.ldw, w.dq, w.dk, row_dv);
    } else if (row_dv) {
      memset(row_dv, 0, (size_t)s.ld_features * sizeof(float));
    }
    put_rows(args->dqueries, op, b, A, op.desc.queries, nq, w.dq);
    put_rows(args->dkeys, op, b, A, op.desc.keys, pairs.keys, w.dk);
  });
  if (s.additive() && wanted(args->dv))
    sum_columns(ctx, B, A, dv, s.ld_features, (float*)args->dv.data, args->dv.mode == RN_GRAD_ADD);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

// The decoder's backward pass around its loop over time: the arrays that the loop fills, and the
// gradients that follow from them all at once.
#ifndef RNNATIVE_CPU_DECODER_GRADIENTS_H_
#define RNNATIVE_CPU_DECODER_GRADIENTS_H_

#include "native/cpu/decoder/layout.h"
#include "native/cpu/decoder/memory.h"
#include "native/cpu/recurrent/backward_run.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct DecoderBackward {
  const RnDecoderBackward* args;
  RnRecurrentBackward stack;  // the layers', for what the recurrent op's functions do
  DecoderLayout layout;
  Sequence sequence;
  DecoderMemory memory;
  DecoderSaved saved;
  const void *query, *out;  // packed W_query (NULL: none) and W_out
  float* work;              // memory.work_floats() a thread
  // Packed rows.
  float* between[2];  // [N, P] gradients of layers' outputs, taken in turn
  float* dscores;     // [N, ldw]
  float* dqueries;    // [N, A]
  float* dcontext;    // [N, V]: CONTEXT only
  float* djoined;     // [N, V + P]: OUTPUT only; its first columns are the contexts'
  float* doutputs;    // [N, D] before tanh: OUTPUT only
  // From step to step, by sorted row.
  float* dfed;    // [B, F]: OUTPUT only
  float* dstate;  // [B, P] of the state that a query was made of: CONTEXT only

  // The context's gradient at packed row `row`.
  const float* dcontext_at(int64_t row) const {
    return djoined ? djoined + row * layout.joined : dcontext + row * layout.V;
  }
};

inline int32_t prepare_backward(RnContext* ctx, const RnDecoderBackward* args, DecoderBackward* d) {
  const RnDecoderForward& forward = args->forward;
  const RnRecurrentDesc& desc = forward.desc.stack;
  d->args = args;
  d->layout = make_decoder_layout(forward.desc);
  int32_t status = make_sequence(ctx, forward.lengths, desc.time, desc.batch, &d->sequence);
  if (status == RN_OK) status = d->memory.prepare(ctx, forward, false);
  if (status != RN_OK) return status;
  const DecoderLayout& l = d->layout;
  const int64_t N = d->sequence.rows, B = desc.batch;
  d->saved = l.saved((float*)forward.reserve);  // only read
  d->stack.desc = desc;
  d->stack.slots = forward.slots;
  d->stack.h0 = forward.h0;
  d->stack.c0 = forward.c0;
  d->stack.dhn = args->dhn;
  d->stack.dcn = args->dcn;
  d->stack.dh0 = args->dh0;
  d->stack.dc0 = args->dc0;
  d->stack.dslots = args->dslots;

  bool enough = true;
  const auto room = [&](int64_t floats) {
    float* p = scratch_floats(ctx, floats);
    enough &= p != nullptr;
    return p;
  };
  d->work = room(d->memory.work_floats() * ctx->threads);
  for (int i = 0; i < 2; ++i) d->between[i] = room(N * l.P);
  d->dscores = room(N * d->memory.ldw);
  d->dqueries = room(N * l.A);
  if (l.feeds_output) {
    d->djoined = room(N * l.joined);
    d->doutputs = room(N * l.D);
    d->dfed = room(B * l.F);
    d->out = pack_weight(ctx, desc.precision, forward.w_out, l.D, l.joined, false);
    enough &= d->out != nullptr;
  } else {
    d->dcontext = room(N * l.V);
    d->dstate = room(B * l.P);
  }
  if (forward.w_query.data) {
    d->query = pack_weight(ctx, desc.precision, forward.w_query, l.A, l.P, false);
    enough &= d->query != nullptr;
  }
  return enough ? RN_OK : RN_ERR_OUT_OF_MEMORY;
}

// Of the states before the first step: what the first query and the first feeding came from.
inline void start_gradients(const DecoderBackward& d) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const RnDecoderBackward& args = *d.args;
  if (!l.feeds_output && wanted(args.dh0)) {
    float* top = (float*)args.dh0.data + (d.stack.desc.layers - 1) * q.batch * l.P;
    for (int64_t r = 0; r < q.active(0); ++r)
      for (int64_t i = 0; i < l.P; ++i) top[q.order[r] * l.P + i] += d.dstate[r * l.P + i];
  }
  if (!l.feeds_output || !wanted(args.dfed0)) return;
  for (int64_t r = 0; r < q.batch; ++r) {
    const int64_t at = q.order[r] * l.F;
    const auto* dfedn = (const float*)args.dfedn;
    const float* from = r < q.active(0) ? d.dfed + r * l.F : dfedn ? dfedn + at : nullptr;
    float* to = (float*)args.dfed0.data + at;
    for (int64_t i = 0; i < l.F; ++i)
      to[i] = (adds(args.dfed0) ? to[i] : 0.0f) + (from ? from[i] : 0.0f);
  }
}

// Of the embedded inputs: the first layer's gates times the columns of W that x meets.
inline int32_t embedded_gradients(RnContext* ctx, const DecoderBackward& d,
                                  const BackwardRun& first) {
  const RnGrad& dx = d.args->dx;
  if (!wanted(dx)) return RN_OK;
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const int64_t gates = l.stack.traits.gates * l.stack.hidden;
  float* packed = q.dense ? (float*)dx.data : scratch_floats(ctx, q.rows * l.E);
  if (!packed) return RN_ERR_OUT_OF_MEMORY;
  const int32_t status = gemm(ctx, {.precision = d.stack.desc.precision,
                                    .m = q.rows,
                                    .n = l.E,
                                    .k = gates,
                                    .a = first.dinputs(),
                                    .lda = gates,
                                    .trans_a = false,
                                    .b = plain((const float*)d.stack.slots[0].slot[RN_W_IH].data),
                                    .ldb = l.input,
                                    .trans_b = false,
                                    .c = packed,
                                    .ldc = l.E,
                                    .accumulate = q.dense && adds(dx),
                                    .bias = nullptr,
                                    .packed_kind = 0,
                                    .packed_b = nullptr});
  if (status != RN_OK || q.dense) return status;
  scatter_rows(ctx, q, l.E, packed, (float*)dx.data, adds(dx));
  if (!adds(dx)) clear_padding(q, l.E, (float*)dx.data);
  return RN_OK;
}

// Of W_query, W_out and b_out. top: the top layer.
inline int32_t projection_gradients(RnContext* ctx, const DecoderBackward& d,
                                    const BackwardRun& top) {
  const DecoderLayout& l = d.layout;
  const RnDecoderBackward& args = *d.args;
  int32_t status = RN_OK;
  if (wanted(args.dw_query)) {
    const float* h = l.feeds_output ? d.saved.joined + l.V : top.saved.h_prev;
    status = weight_gradient(ctx, top, {d.dqueries, l.A}, l.A, h,
                             l.feeds_output ? l.joined : l.stack.h_stride, l.P,
                             (float*)args.dw_query.data, adds(args.dw_query));
  }
  if (status == RN_OK && wanted(args.dw_out))
    status = weight_gradient(ctx, top, {d.doutputs, l.D}, l.D, d.saved.joined, l.joined, l.joined,
                             (float*)args.dw_out.data, adds(args.dw_out));
  if (status == RN_OK && wanted(args.db_out))
    sum_columns(ctx, d.sequence.rows, l.D, d.doutputs, l.D, (float*)args.db_out.data,
                adds(args.db_out));
  return status;
}

// What one thread needs for the gradients of one row's memory.
struct MemoryWork {
  float *q, *k, *dq, *dk;     // [T or Tk, ld_features]
  float *weights, *dscores;   // [T, ldw]
  float *dcontext, *dvalues;  // [T, ld_width], [Tk, ld_width]

  static int64_t floats(const DecoderMemory& m, int64_t T, int64_t Tk) {
    return (T + Tk) * (2 * m.scoring.ld_features + m.scoring.ld_width) + 2 * T * m.ldw;
  }
  MemoryWork(const DecoderMemory& m, int64_t T, int64_t Tk, float* p) {
    const auto take = [&](int64_t n) { return (p += n) - n; };
    const int64_t ld = m.scoring.ld_features, ldv = m.scoring.ld_width;
    q = take(T * ld);
    k = take(Tk * ld);
    dq = take(T * ld);
    dk = take(Tk * ld);
    weights = take(T * m.ldw);
    dscores = take(T * m.ldw);
    dcontext = take(T * ldv);
    dvalues = take(Tk * ldv);
  }
};

// Writes or adds `n` padded rows of row b of [Tk, B, width], zeros past them.
inline void put_memory(const RnGrad& grad, int64_t b, int64_t batch, int64_t width, int64_t keys,
                       int64_t n, const float* from) {
  if (!wanted(grad)) return;
  float* to = (float*)grad.data + b * width;
  scatter_padded(from, n, width, to, batch * width, adds(grad));
  for (int64_t j = n; j < keys && !adds(grad); ++j)
    memset(to + j * batch * width, 0, (size_t)width * sizeof(float));
}

// Of the keys, the values and v, for sorted row r.
inline void row_memory_gradients(const DecoderBackward& d, int64_t r, const MemoryWork& w,
                                 float* dv) {
  const Sequence& q = d.sequence;
  const DecoderLayout& l = d.layout;
  const Scoring& s = d.memory.scoring;
  const RnDecoderForward& forward = d.args->forward;
  const int64_t b = q.order[r], Tk = forward.desc.keys, ldw = d.memory.ldw;
  const int64_t nk = d.memory.length(b), nq = nk > 0 ? q.length[r] : 0, n = nq > 0 ? nk : 0;
  const auto packed_row = [&](int64_t t) { return q.offset[t] + r; };
  for (int64_t t = 0; t < nq; ++t) {
    const float* weights = (const float*)forward.weights + (t * q.batch + b) * Tk;
    memcpy(w.weights + t * ldw, weights, (size_t)nk * sizeof(float));
    memcpy(w.dscores + t * ldw, d.dscores + packed_row(t) * ldw, (size_t)nk * sizeof(float));
  }
  if (n > 0 && wanted(d.args->dvalues)) {
    gather_padded([&](int64_t t) { return d.dcontext_at(packed_row(t)); }, nq, l.V, w.dcontext);
    combine({w.weights, 1, ldw}, nk, w.dcontext, s.ld_width, nq, w.dvalues, s.ld_width, s.ld_width,
            false);
  }
  put_memory(d.args->dvalues, b, q.batch, l.V, Tk, n, w.dvalues);
  if (n > 0) {
    Pairs pairs = {w.q, w.k, nq, nk, d.memory.v, false};
    gather_padded([&](int64_t t) { return d.saved.queries + packed_row(t) * l.A; }, nq, l.A, w.q);
    gather_padded(d.memory.source(forward.keys, b, l.A), nk, l.A, w.k);
    prepare(s, &pairs);
    pair_gradients(s, pairs, w.dscores, ldw, w.dq, w.dk, dv);
  } else if (dv) {
    memset(dv, 0, (size_t)s.ld_features * sizeof(float));
  }
  put_memory(d.args->dkeys, b, q.batch, l.A, Tk, n, w.dk);
}

inline int32_t memory_gradients(RnContext* ctx, const DecoderBackward& d) {
  const RnDecoderBackward& args = *d.args;
  const bool of_v = wanted(args.dv);
  if (!wanted(args.dkeys) && !wanted(args.dvalues) && !of_v) return RN_OK;
  const Scoring& s = d.memory.scoring;
  const int64_t T = d.sequence.steps, Tk = args.forward.desc.keys, B = d.sequence.batch;
  const int64_t own = MemoryWork::floats(d.memory, T, Tk);
  float* scratch = scratch_floats(ctx, own * ctx->threads);
  float* dv = scratch_floats(ctx, s.additive() ? B * s.ld_features : 0);  // by batch row
  if (!scratch || !dv) return RN_ERR_OUT_OF_MEMORY;
  each_row(ctx, B, T * d.memory.query_work(), [&](int64_t r, int thread) {
    const MemoryWork work(d.memory, T, Tk, scratch + thread * own);
    row_memory_gradients(d, r, work,
                         s.additive() ? dv + d.sequence.order[r] * s.ld_features : nullptr);
  });
  if (of_v) sum_columns(ctx, B, s.features, dv, s.ld_features, (float*)args.dv.data, adds(args.dv));
  return RN_OK;
}

inline int32_t decoder_gradients(RnContext* ctx, const DecoderBackward& d, const BackwardRun& first,
                                 const BackwardRun& top) {
  start_gradients(d);
  int32_t status = embedded_gradients(ctx, d, first);
  if (status == RN_OK) status = projection_gradients(ctx, d, top);
  if (status == RN_OK) status = memory_gradients(ctx, d);
  return status;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_DECODER_GRADIENTS_H_

// The memory that a decoder attends to, as its steps read it: row by row of the batch, padded, keys
// of additive scores as exponentials. It is laid out so once a call, since every step reads all of
// it. A call of a single step reads values, and keys to be multiplied, where they lie.
#ifndef RNNATIVE_CPU_DECODER_MEMORY_H_
#define RNNATIVE_CPU_DECODER_MEMORY_H_

#include "native/cpu/attention/attention.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Rows of one memory row: `stride` apart, of which `n` floats count.
struct MemoryRows {
  float* data;
  int64_t stride, n;
};

class DecoderMemory {
 public:
  Scoring scoring;
  int64_t ldw;     // floats of a padded row of weights
  const float* v;  // [ld_features]

  // RN_ERR_INDEX for a length out of range.
  int32_t prepare(RnContext* ctx, const RnDecoderForward& args, bool in_place) {
    const RnDecoderDesc& d = args.desc;
    args_ = &args;
    rows_ = d.stack.batch / d.beams;
    scoring = scoring_of(d.score, d.features, d.width);
    ldw = padded(d.keys);
    if (args.memory_lengths) {
      const int32_t status =
          check_indices(ctx, "memory length", args.memory_lengths, rows_, d.keys);
      if (status != RN_OK) return status;
    }
    const bool keys_stay = in_place && !scoring.additive() && d.features % kLanes == 0;
    const bool values_stay = in_place && d.width % kLanes == 0;
    const int64_t key_row = d.keys * scoring.ld_features, value_row = d.keys * scoring.ld_width;
    float* p = scratch_floats(ctx, scoring.ld_features);
    exponentials_ = (bool*)scratch_floats(ctx, rows_);
    if (!keys_stay) keys_ = scratch_floats(ctx, rows_ * key_row);
    if (!values_stay) values_ = scratch_floats(ctx, rows_ * value_row);
    if (!p || !exponentials_ || (!keys_stay && !keys_) || (!values_stay && !values_))
      return RN_ERR_OUT_OF_MEMORY;
    memset(p, 0, (size_t)scoring.ld_features * sizeof(float));
    if (args.v.data) memcpy(p, args.v.data, (size_t)d.features * sizeof(float));
    v = p;
    each_row(ctx, rows_, key_row + value_row, [&](int64_t m, int) {
      exponentials_[m] = false;
      if (keys_) {
        float* to = keys_ + m * key_row;
        const int64_t n = length(m) * scoring.ld_features;
        gather_padded(source(args.keys, m, d.features), length(m), d.features, to);
        exponentials_[m] = scoring.additive() && exponentials_suffice(to, n);
        if (exponentials_[m]) exponentiate(to, n);
      }
      if (values_)
        gather_padded(source(args.values, m, d.width), length(m), d.width, values_ + m * value_row);
    });
    return RN_OK;
  }

  int64_t row_of(int64_t b) const { return b / args_->desc.beams; }
  int64_t length(int64_t m) const {
    return args_->memory_lengths ? args_->memory_lengths[m] : args_->desc.keys;
  }
  MemoryRows keys(int64_t m) const {
    const int64_t A = scoring.features, ld = scoring.ld_features;
    if (keys_) return {keys_ + m * args_->desc.keys * ld, ld, ld};
    return {(float*)args_->keys + m * A, rows_ * A, A};
  }
  MemoryRows values(int64_t m) const {
    const int64_t V = scoring.width, ld = scoring.ld_width;
    if (values_) return {values_ + m * args_->desc.keys * ld, ld, ld};
    return {(float*)args_->values + m * V, rows_ * V, V};
  }

  // What a thread needs for one query at a time.
  struct Work {
    float *q, *weights, *ds, *dq, *dcontext, *keys;
  };
  int64_t work_floats() const {
    const int64_t raw = scoring.additive() ? args_->desc.keys * scoring.ld_features : 0;
    return 2 * scoring.ld_features + 2 * ldw + scoring.ld_width + raw;
  }
  Work work(float* p) const {
    const int64_t ld = scoring.ld_features;
    return {p,      p + 2 * ld,           p + 2 * ld + ldw,
            p + ld, p + 2 * ld + 2 * ldw, p + 2 * ld + 2 * ldw + scoring.ld_width};
  }
  // Elements that a query costs.
  int64_t query_work() const {
    return args_->desc.keys * (4 * scoring.ld_features + scoring.ld_width);
  }

  // The query [A] against memory row m. Exponentials where both sides allow them.
  Pairs pairs(int64_t m, const float* query, const Work& w) const {
    Pairs p = {w.q, keys(m).data, 1, length(m), v, exponentials_[m]};
    gather_padded(Rows{query, 0}, 1, scoring.features, w.q);
    if (!p.exponentials) return p;
    if (exponentials_suffice(w.q, scoring.ld_features)) {
      exponentiate(w.q, scoring.ld_features);
      return p;
    }
    gather_padded(source(args_->keys, m, scoring.features), p.keys, scoring.features, w.keys);
    p.k = w.keys;
    p.exponentials = false;
    return p;
  }

  // context[V] and weights[Tk] of one query; zeros without memory.
  void attend(int64_t m, const float* query, const Work& w, float* context, float* weights) const {
    const int64_t n = length(m), V = scoring.width;
    if (n < args_->desc.keys)
      memset(weights + n, 0, (size_t)(args_->desc.keys - n) * sizeof(float));
    if (n == 0) {
      memset(context, 0, (size_t)V * sizeof(float));
      return;
    }
    const MemoryRows k = keys(m), rows = values(m);
    const Pairs p = pairs(m, query, w);
    RN_ISA::attend(scoring, p, k.stride, k.n, w.weights, ldw);
    memcpy(weights, w.weights, (size_t)n * sizeof(float));
    combine({w.weights, ldw, 1}, 1, rows.data, rows.stride, n, context, V, V, false);
  }

  // ds[n] and dquery[A] of one query from dcontext[V] and dweights (or NULL), the memory being laid
  // out. weights, ds: as forward's weights.
  void attend_backward(int64_t m, const float* query, const float* weights, const float* dcontext,
                       const float* dweights, const Work& w, float* ds, float* dquery) const {
    const int64_t n = length(m), A = scoring.features, ld = scoring.ld_width;
    if (n == 0) {
      memset(dquery, 0, (size_t)A * sizeof(float));
      return;
    }
    const MemoryRows rows = values(m);
    gather_padded(Rows{dcontext, 0}, 1, scoring.width, w.dcontext);
    score_pairs<DotPair>(w.dcontext, 1, ld, rows.data, n, ld, nullptr, ld, 1.0f, ds, ldw);
    for (int64_t j = 0; dweights && j < n; ++j) ds[j] += dweights[j];
    const Pairs p = pairs(m, query, w);
    RN_ISA::attend_backward(scoring, p, weights, ds, ldw);
    query_gradient(scoring, p, ds, w.dq);
    memcpy(dquery, w.dq, (size_t)A * sizeof(float));
  }

  // Memory row m of [Tk, rows, width], as it came.
  Rows source(const void* data, int64_t m, int64_t width) const {
    return {(const float*)data + m * width, rows_ * width};
  }

 private:
  const RnDecoderForward* args_ = nullptr;
  int64_t rows_ = 0;
  float *keys_ = nullptr, *values_ = nullptr;  // [rows, Tk, ld], or NULL: where they lie
  bool* exponentials_ = nullptr;               // [rows] keys_ holds e^2k
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_DECODER_MEMORY_H_

// What the forward and the backward pass of the attention op share: its shapes and lengths.
#ifndef RNNATIVE_CPU_ATTENTION_OP_H_
#define RNNATIVE_CPU_ATTENTION_OP_H_

#include "native/cpu/attention/attention.h"

namespace rnnative::cpu::RN_ISA {
namespace {

struct AttentionOp {
  RnAttentionDesc desc;
  Scoring scoring;
  const int32_t *query_lengths, *memory_lengths;
  int64_t ldw;  // floats of a padded row of weights

  explicit AttentionOp(const RnAttention& args)
      : desc(args.desc),
        scoring(scoring_of(args.desc.score, args.desc.features, args.desc.width)),
        query_lengths(args.query_lengths),
        memory_lengths(args.memory_lengths),
        ldw(padded(args.desc.keys)) {}

  int64_t queries(int64_t b) const { return query_lengths ? query_lengths[b] : desc.queries; }
  int64_t keys(int64_t b) const { return memory_lengths ? memory_lengths[b] : desc.keys; }
  // Row b's own rows of [time, B, width].
  Rows rows(const void* data, int64_t b, int64_t width) const {
    return {(const float*)data + b * width, desc.batch * width};
  }
  int64_t work() const {
    return desc.queries * desc.keys * (desc.features + desc.width) +
           desc.keys * (desc.features + desc.width);
  }
};

inline int32_t check_attention_lengths(RnContext* ctx, const RnAttention& args) {
  const RnAttentionDesc& d = args.desc;
  if (args.query_lengths) {
    const int32_t status =
        check_indices(ctx, "query length", args.query_lengths, d.batch, d.queries);
    if (status != RN_OK) return status;
  }
  return args.memory_lengths
             ? check_indices(ctx, "memory length", args.memory_lengths, d.batch, d.keys)
             : RN_OK;
}

// v padded, or zeros where there is none; NULL: out of memory.
inline float* padded_v(RnContext* ctx, const Scoring& s, const float* v) {
  float* to = scratch_floats(ctx, s.ld_features);
  if (!to) return nullptr;
  const int64_t n = v ? s.features : 0;
  if (v) memcpy(to, v, (size_t)n * sizeof(float));
  memset(to + n, 0, (size_t)(s.ld_features - n) * sizeof(float));
  return to;
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_ATTENTION_OP_H_

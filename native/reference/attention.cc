// Attention, one row of the batch and one query at a time; backward forms the scores' derivatives
// again.
#include <cmath>

#include "native/abi/backend.h"
#include "native/reference/attention.h"
#include "native/reference/support.h"

namespace rnnative::reference {
namespace {

int32_t check_all_lengths(RnContext* context, const RnAttention& args) {
  const RnAttentionDesc& d = args.desc;
  if (args.query_lengths)
    if (int32_t status =
            check_indices(context, "query length", args.query_lengths, d.batch, d.queries))
      return status;
  if (!args.memory_lengths) return RN_OK;
  return check_indices(context, "memory length", args.memory_lengths, d.batch, d.keys);
}

Memory memory_of(const RnAttention& args, int64_t b) {
  const RnAttentionDesc& d = args.desc;
  return {d.score,
          d.features,
          d.width,
          args.memory_lengths ? args.memory_lengths[b] : d.keys,
          real(args.keys) + b * d.features,
          d.batch * d.features,
          real(args.values) + b * d.width,
          d.batch * d.width,
          real(args.v)};
}
int64_t queries_of(const RnAttention& args, int64_t b) {
  return args.query_lengths ? args.query_lengths[b] : args.desc.queries;
}

}  // namespace

int32_t attention(RnContext* context, const RnAttention* args) {
  if (int32_t status = check_all_lengths(context, *args)) return status;
  const RnAttentionDesc& d = args->desc;
  std::fill_n(real(args->context), d.queries * d.batch * d.width, 0.0);
  std::fill_n(real(args->weights), d.queries * d.batch * d.keys, 0.0);
  for (int64_t b = 0; b < d.batch; ++b)
    for (int64_t i = 0; i < queries_of(*args, b); ++i) {
      const int64_t row = i * d.batch + b;
      attend(memory_of(*args, b), real(args->queries) + row * d.features,
             real(args->weights) + row * d.keys, real(args->context) + row * d.width);
    }
  return RN_OK;
}

int32_t attention_backward(RnContext* context, const RnAttentionBackward* args) {
  const RnAttention& forward = args->forward;
  if (int32_t status = check_all_lengths(context, forward)) return status;
  const RnAttentionDesc& d = forward.desc;
  return guarded(context, [&] {
    double* dqueries = open(args->dqueries, d.queries * d.batch * d.features);
    double* dkeys = open(args->dkeys, d.keys * d.batch * d.features);
    double* dvalues = open(args->dvalues, d.keys * d.batch * d.width);
    double* dv = open(args->dv, d.features);
    double* work = scratch(context, d.keys);
    for (int64_t b = 0; b < d.batch; ++b)
      for (int64_t i = 0; i < queries_of(forward, b); ++i) {
        const int64_t row = i * d.batch + b;
        attend_backward(memory_of(forward, b), real(forward.queries) + row * d.features,
                        real(forward.weights) + row * d.keys,
                        args->dcontext ? real(args->dcontext) + row * d.width : nullptr,
                        args->dweights ? real(args->dweights) + row * d.keys : nullptr,
                        {dqueries ? dqueries + row * d.features : nullptr,
                         dkeys ? dkeys + b * d.features : nullptr,
                         dvalues ? dvalues + b * d.width : nullptr, dv},
                        work);
      }
  });
}

}  // namespace rnnative::reference

#include "native/ops/attention.h"

#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

constexpr const char* kForward = "attention";
constexpr const char* kBackward = "attention_backward";

RnAttentionDesc describe(const Checker& check, const AttentionArgs& args) {
  check.steps("queries", args.queries, "[Tq, B, A] with A >= 1");
  check.steps("keys", args.keys, "[Tk, B, A] with A >= 1");
  check.steps("values", args.values, "[Tk, B, V] with V >= 1");
  const Shape &queries = args.queries.shape, &keys = args.keys.shape;
  const int64_t batch = queries[1], features = queries[2], width = args.values.shape[2];
  check.shape("keys", args.keys, Shape{keys[0], batch, features});
  check.shape("values", args.values, Shape{keys[0], batch, width});
  if (args.score == RN_SCORE_ADDITIVE) {
    check.real("v", args.v, Shape{features});
  } else if (args.v) {
    check.fail("ERR_ARGUMENT", "v: expected null, only additive scores have it");
  }
  if (args.query_lengths) check.ints("queryLengths", args.query_lengths, Shape{batch});
  if (args.memory_lengths) check.ints("memoryLengths", args.memory_lengths, Shape{batch});
  return {args.score, queries[0], keys[0], batch, features, width};
}

Op reading(const char* name, const AttentionArgs& args) {
  return Op(name, args.queries.device)
      .reads(args.queries)
      .reads(args.keys)
      .reads(args.values)
      .reads(args.v)
      .reads(args.query_lengths)
      .reads(args.memory_lengths);
}

RnAttention forward_args(OpRun& run, const RnAttentionDesc& desc, const AttentionArgs& args) {
  RnAttention a = {};
  a.desc = desc;
  a.query_lengths = static_cast<const int32_t*>(run.data(args.query_lengths));
  a.memory_lengths = static_cast<const int32_t*>(run.data(args.memory_lengths));
  a.queries = run.data(args.queries);
  a.keys = run.data(args.keys);
  a.values = run.data(args.values);
  a.v = run.data(args.v);
  return a;
}

bool empty(const RnAttentionDesc& d) {
  return d.queries == 0 || d.keys == 0 || d.batch == 0;
}

}  // namespace

RnScore parse_score(const char* op, std::string_view name) {
  return static_cast<RnScore>(choose(op, "score", name, {"additive", "dot", "scaled_dot"}));
}

AttentionResult attention(Queue& queue, const AttentionArgs& args) {
  const Checker check(kForward, args.queries.device);
  const RnAttentionDesc desc = describe(check, args);
  const AttentionResult result = {check.make(Shape{desc.queries, desc.batch, desc.width}),
                                  check.make(Shape{desc.queries, desc.batch, desc.keys})};
  queue.submit(reading(kForward, args).writes(result.context).writes(result.weights),
               [=](OpRun& run) -> int32_t {
                 if (empty(desc)) return zero(run, {result.context, false});
                 RnAttention a = forward_args(run, desc, args);
                 a.context = run.data(result.context);
                 a.weights = run.data(result.weights);
                 return run.backend().attention(run.context(), &a);
               });
  return result;
}

void attention_backward(Queue& queue, const AttentionArgs& args, const Tensor& weights,
                        const AttentionGradients& g) {
  const Checker check(kBackward, args.queries.device);
  const RnAttentionDesc desc = describe(check, args);
  const Shape alignment = {desc.queries, desc.batch, desc.keys};
  check.real("weights", weights, alignment);
  check.optional_real("dcontext", g.dcontext, Shape{desc.queries, desc.batch, desc.width});
  check.optional_real("dweights", g.dweights, alignment);
  check.sink("dqueries", g.dqueries, args.queries.shape);
  check.sink("dkeys", g.dkeys, args.keys.shape);
  check.sink("dvalues", g.dvalues, args.values.shape);
  check.sink("dv", g.dv, Shape{desc.features});
  if (g.dv.tensor && !args.v) check.fail("ERR_ARGUMENT", "dv: expected null without v");
  Op op = reading(kBackward, args);
  op.reads(weights).reads(g.dcontext).reads(g.dweights);
  for (const Sink& sink : {g.dqueries, g.dkeys, g.dvalues, g.dv}) op.sink(sink.tensor, sink.add);
  if (op.outputs.empty()) return;
  queue.submit(std::move(op), [=](OpRun& run) -> int32_t {
    if (empty(desc)) {
      int32_t status = RN_OK;
      for (const Sink& sink : {g.dqueries, g.dkeys, g.dvalues, g.dv})
        if (status == RN_OK) status = zero(run, sink);
      return status;
    }
    RnAttentionBackward a = {};
    a.forward = forward_args(run, desc, args);
    a.forward.weights = run.data(weights);
    a.dcontext = run.data(g.dcontext);
    a.dweights = run.data(g.dweights);
    a.dqueries = run.grad(g.dqueries.tensor, g.dqueries.add);
    a.dkeys = run.grad(g.dkeys.tensor, g.dkeys.add);
    a.dvalues = run.grad(g.dvalues.tensor, g.dvalues.add);
    a.dv = run.grad(g.dv.tensor, g.dv.add);
    return run.backend().attention_backward(run.context(), &a);
  });
}

}  // namespace rnnative

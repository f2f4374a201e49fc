#include "native/ops/cross_entropy.h"

#include <cstdint>

#include "native/ops/check.h"
#include "native/ops/reserve.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

struct Sizes {
  int64_t rows, features, classes;
};

Sizes check_losses(const Checker& check, const CrossEntropyArgs& args) {
  check.real("x", args.x);
  check.at_least("x", args.x, 1);
  const int last = args.x.shape.dims() - 1;
  Sizes s;
  s.features = args.x.shape[last];
  s.rows = args.x.shape.product(0, last);
  s.classes = s.features;
  if (args.weight) {
    check.real("weight", args.weight);
    s.classes = args.weight.shape.dims() > 0 ? args.weight.shape[0] : 0;
    check.shape("weight", args.weight, Shape{s.classes, s.features});
    check.optional_real("bias", args.bias, Shape{s.classes});
  } else if (args.bias) {
    check.fail("ERR_ARGUMENT", "bias: expected null without a weight");
  }
  if (s.classes == 0 || s.features == 0) {
    check.fail("ERR_SHAPE", "x: expected features and classes, got none");
  }
  // Backends number rows by int32.
  if (s.rows > INT32_MAX || s.rows > kMaxElements / s.classes)
    check.fail("ERR_SHAPE", "logits: too many elements");
  check.ints("targets", args.targets, leading(args.x.shape, last));
  check.optional_real("classWeights", args.class_weights, Shape{s.classes});
  check.in_range("labelSmoothing", args.label_smoothing, 0, 1, true);
  return s;
}

Reserve reserve_of(const Queue& queue, const CrossEntropyArgs& args, const Sizes& s) {
  const bool projected = static_cast<bool>(args.weight);
  const size_t bytes =
      s.rows == 0 ? 0
                  : queue.backend().cross_entropy_reserve(s.rows, s.features, s.classes, projected);
  return Reserve(bytes, {s.rows, s.features, s.classes, projected, args.precision});
}

RnLinearCrossEntropy fill_args(OpRun& run, const CrossEntropyArgs& args, const Sizes& s,
                               RnWeight weight) {
  weight.data = run.data(args.weight);
  RnLinearCrossEntropy call = {};
  call.rows = s.rows;
  call.features = s.features;
  call.classes = s.classes;
  call.x = run.data(args.x);
  call.weight = weight;
  call.bias = run.data(args.bias);
  call.targets = static_cast<const int32_t*>(run.data(args.targets));
  call.class_weights = run.data(args.class_weights);
  call.ignore_index = args.ignore_index;
  call.label_smoothing = args.label_smoothing;
  call.precision = args.precision;
  return call;
}

}  // namespace

CrossEntropyResult cross_entropy(Queue& queue, const CrossEntropyArgs& args, bool training) {
  const Checker check("cross_entropy", args.x.device);
  const Sizes s = check_losses(check, args);
  CrossEntropyResult result;
  result.losses = check.make(args.targets.shape);
  result.weights = check.make(args.targets.shape);
  const Reserve reserve = training ? reserve_of(queue, args, s) : Reserve();
  if (training) result.reserve = reserve.make(check);
  const RnWeight weight = queue.weight(args.weight);
  queue.submit(Op("cross_entropy", args.x.device)
                   .reads(args.x)
                   .reads(args.weight)
                   .reads(args.bias)
                   .reads(args.targets)
                   .reads(args.class_weights)
                   .writes(result.losses)
                   .writes(result.weights)
                   .writes(result.reserve),
               [=](OpRun& run) -> int32_t {
                 RnLinearCrossEntropy call = fill_args(run, args, s, weight);
                 call.losses = run.data(result.losses);
                 call.weights = run.data(result.weights);
                 call.reserve = reserve.open_for_write(run, result.reserve);
                 if (s.rows == 0) return RN_OK;
                 return run.backend().cross_entropy(run.context(), &call);
               });
  return result;
}

void cross_entropy_backward(Queue& queue, const CrossEntropyArgs& args, const Tensor& reserve,
                            const Tensor& dlosses, const Sink& dx, const Sink& dweight,
                            const Sink& dbias) {
  const Checker check("cross_entropy_backward", args.x.device);
  const Sizes s = check_losses(check, args);
  const Reserve layout = reserve_of(queue, args, s);
  layout.check(check, reserve);
  check.real("dlosses", dlosses, args.targets.shape);
  check.sink("dx", dx, args.x.shape);
  check.sink("dweight", dweight, Shape{s.classes, s.features});
  check.sink("dbias", dbias, Shape{s.classes});
  if (dweight.tensor && !args.weight) {
    check.fail("ERR_ARGUMENT", "dweight: expected null without a weight");
  }
  if (dbias.tensor && !args.bias) check.fail("ERR_ARGUMENT", "dbias: expected null without a bias");
  if (!dx.tensor && !dweight.tensor && !dbias.tensor) return;
  const RnWeight weight = queue.weight(args.weight);
  queue.submit(Op("cross_entropy_backward", args.x.device)
                   .reads(args.x)
                   .reads(args.weight)
                   .reads(args.bias)
                   .reads(args.targets)
                   .reads(args.class_weights)
                   .reads(reserve)
                   .reads(dlosses)
                   .sink(dx.tensor, dx.add)
                   .sink(dweight.tensor, dweight.add)
                   .sink(dbias.tensor, dbias.add),
               [=](OpRun& run) -> int32_t {
                 if (s.rows == 0) {
                   const int32_t status = zero(run, dweight);
                   return status != RN_OK ? status : zero(run, dbias);
                 }
                 RnLinearCrossEntropyBackward call = {};
                 call.forward = fill_args(run, args, s, weight);
                 // Backends only read it here; the forward struct is shared.
                 call.forward.reserve = const_cast<void*>(layout.open_for_read(run, reserve));
                 if (!call.forward.reserve) return RN_ERR_UNSUPPORTED;
                 call.dlosses = run.data(dlosses);
                 call.dx = run.grad(dx.tensor, dx.add);
                 call.dweight = run.grad(dweight.tensor, dweight.add);
                 call.dbias = run.grad(dbias.tensor, dbias.add);
                 return run.backend().cross_entropy_backward(run.context(), &call);
               });
}

}  // namespace rnnative

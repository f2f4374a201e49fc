#include "native/ops/pointer.h"

#include <cstdint>
#include <string>

#include "native/abi/backend.h"
#include "native/ops/check.h"

namespace rnnative {

namespace {

const int32_t* integers(OpRun& run, const Tensor& t) {
  return static_cast<const int32_t*>(run.data(t));
}

void check_args(const Checker& check, const PointerArgs& args) {
  check.real("weights", args.weights);
  if (args.weights.shape.dims() != 3)
    check.fail("ERR_SHAPE", "weights: expected [time, batch, positions]");
  const Shape& shape = args.weights.shape;
  check.real("gates", args.gates, leading(shape, 2));
  check.ints("ids", args.ids);
  if (args.ids.shape.dims() != 2) check.fail("ERR_SHAPE", "ids: expected [positions, sources]");
  const int64_t sources = args.ids.shape[1];
  check.shape("ids", args.ids, Shape{shape[2], sources});
  if (sources == 0 ? shape[1] > 0 : shape[1] % sources != 0)
    check.fail("ERR_SHAPE", "ids: expected a number of sources that divides the batch of " +
                                std::to_string(shape[1]) + ", got " + std::to_string(sources));
  if (args.lengths) check.ints("lengths", args.lengths, Shape{sources});
}

RnPointer fill_args(OpRun& run, const PointerArgs& args) {
  const Shape& shape = args.weights.shape;
  RnPointer p = {};
  p.time = shape[0];
  p.batch = shape[1];
  p.positions = shape[2];
  p.sources = args.ids.shape[1];
  p.vocabulary = args.vocabulary;
  p.memory_lengths = integers(run, args.lengths);
  p.ids = integers(run, args.ids);
  p.gates = run.data(args.gates);
  p.weights = run.data(args.weights);
  return p;
}

RnPointerLosses fill_losses(OpRun& run, const PointerArgs& args, const PointerTargets& targets) {
  RnPointerLosses call = {};
  call.of = fill_args(run, args);
  call.targets = integers(run, targets.targets);
  call.generated = run.data(targets.generated);
  return call;
}

void check_targets(const Checker& check, const PointerArgs& args, const PointerTargets& targets) {
  check_args(check, args);
  check.ints("targets", targets.targets, args.gates.shape);
  check.real("generated", targets.generated, args.gates.shape);
}

Op reading(const char* name, const PointerArgs& args) {
  Op op(name, args.weights.device);
  op.reads(args.gates).reads(args.weights).reads(args.ids).reads(args.lengths);
  return op;
}

}  // namespace

Tensor pointer_losses(Queue& queue, const PointerArgs& args, const PointerTargets& targets) {
  const Checker check("pointer_losses", args.weights.device);
  check_targets(check, args, targets);
  const Tensor losses = check.make(args.gates.shape);
  queue.submit(reading("pointer_losses", args)
                   .reads(targets.targets)
                   .reads(targets.generated)
                   .writes(losses),
               [=](OpRun& run) -> int32_t {
                 if (losses.elements() == 0) return RN_OK;
                 RnPointerLosses call = fill_losses(run, args, targets);
                 call.losses = run.data(losses);
                 return run.backend().pointer_losses(run.context(), &call);
               });
  return losses;
}

void pointer_losses_backward(Queue& queue, const PointerArgs& args, const PointerTargets& targets,
                             const Tensor& dlosses, const Sink& dgenerated, const Sink& dgates,
                             const Sink& dweights) {
  const Checker check("pointer_losses_backward", args.weights.device);
  check_targets(check, args, targets);
  check.real("dlosses", dlosses, args.gates.shape);
  check.sink("dgenerated", dgenerated, args.gates.shape);
  check.sink("dgates", dgates, args.gates.shape);
  check.sink("dweights", dweights, args.weights.shape);
  if (!dgenerated.tensor && !dgates.tensor && !dweights.tensor) return;
  queue.submit(reading("pointer_losses_backward", args)
                   .reads(targets.targets)
                   .reads(targets.generated)
                   .reads(dlosses)
                   .sink(dgenerated.tensor, dgenerated.add)
                   .sink(dgates.tensor, dgates.add)
                   .sink(dweights.tensor, dweights.add),
               [=](OpRun& run) -> int32_t {
                 if (args.gates.elements() == 0) return RN_OK;
                 RnPointerLossesBackward call = {};
                 call.forward = fill_losses(run, args, targets);
                 call.dlosses = run.data(dlosses);
                 call.dgenerated = run.grad(dgenerated.tensor, dgenerated.add);
                 call.dgates = run.grad(dgates.tensor, dgates.add);
                 call.dweights = run.grad(dweights.tensor, dweights.add);
                 return run.backend().pointer_losses_backward(run.context(), &call);
               });
}

Tensor pointer_mixture(Queue& queue, const PointerArgs& args, const Tensor& logs, int64_t width) {
  const Checker check("pointer_mixture", args.weights.device);
  check_args(check, args);
  const Shape& shape = args.weights.shape;
  if (shape[0] != 1) check.fail("ERR_SHAPE", "weights: expected [1, batch, positions]");
  check.real("logs", logs, Shape{shape[1], args.vocabulary});
  if (width < args.vocabulary)
    check.fail("ERR_ARGUMENT", "width: expected at least the vocabulary of " +
                                   std::to_string(args.vocabulary) + ", got " +
                                   std::to_string(width));
  const Tensor y = check.make(Shape{shape[1], width});
  queue.submit(reading("pointer_mixture", args).reads(logs).writes(y), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    RnPointerMixture call = {};
    call.of = fill_args(run, args);
    call.width = width;
    call.logs = run.data(logs);
    call.y = run.data(y);
    return run.backend().pointer_mixture(run.context(), &call);
  });
  return y;
}

}  // namespace rnnative

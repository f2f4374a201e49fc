#include "native/ops/pool_time.h"

#include <string>

#include "native/ops/check.h"

namespace rnnative {

namespace {

void check_steps(const Checker& check, const char* name, const Tensor& x) {
  check.real(name, x);
  check.at_least(name, x, 2);
  if (x.shape[0] > INT32_MAX) check.fail("ERR_SHAPE", "x: too many steps");
}

Shape without_time(Shape shape) {
  shape.erase(0);
  return shape;
}

const int32_t* whole_numbers(OpRun& run, const Tensor& t) {
  return static_cast<const int32_t*>(run.data(t));
}

}  // namespace

RnPool parse_pool(const char* op, std::string_view name) {
  return static_cast<RnPool>(choose(op, "op", name, {"mean", "max", "last"}));
}

Pooled pool_time(Queue& queue, RnPool op, const Tensor& x, const Tensor& lengths) {
  const Checker check("pool_time", x.device);
  check_steps(check, "x", x);
  if (lengths) check.ints("lengths", lengths, Shape{x.shape[1]});
  const Shape shape = without_time(x.shape);
  const Pooled made = {check.make(shape),
                       op == RN_POOL_MAX ? check.make(shape, DType::kI32) : Tensor()};
  queue.submit(Op("pool_time", x.device).reads(x).reads(lengths).writes(made.y).writes(made.steps),
               [=](OpRun& run) -> int32_t {
                 if (made.y.elements() == 0) return RN_OK;
                 RnPoolTime args = {};
                 args.op = op;
                 args.time = x.shape[0];
                 args.batch = x.shape[1];
                 args.features = x.shape.product(2, x.shape.dims());
                 args.lengths = whole_numbers(run, lengths);
                 args.x = run.data(x);
                 args.y = run.data(made.y);
                 args.steps = static_cast<int32_t*>(run.data(made.steps));
                 return run.backend().pool_time(run.context(), &args);
               });
  return made;
}

void pool_time_backward(Queue& queue, RnPool op, const Tensor& lengths, const Tensor& steps,
                        const Tensor& dy, const Sink& dx) {
  const Checker check("pool_time_backward", dy.device);
  check.real("dy", dy);
  if (!dx.tensor) return;
  check_steps(check, "dx", dx.tensor);
  const Shape shape = dx.tensor.shape;
  check.shape("dy", dy, without_time(shape));
  if (lengths) check.ints("lengths", lengths, Shape{shape[1]});
  if (op == RN_POOL_MAX) {
    check.ints("steps", steps, dy.shape);
  } else if (steps) {
    check.fail("ERR_ARGUMENT", "steps: expected null, got a tensor");
  }
  queue.submit(Op("pool_time_backward", dy.device)
                   .reads(lengths)
                   .reads(steps)
                   .reads(dy)
                   .sink(dx.tensor, dx.add),
               [=](OpRun& run) -> int32_t {
                 if (dx.tensor.elements() == 0) return RN_OK;
                 RnPoolTimeBackward args = {};
                 args.op = op;
                 args.time = shape[0];
                 args.batch = shape[1];
                 args.features = shape.product(2, shape.dims());
                 args.lengths = whole_numbers(run, lengths);
                 args.steps = whole_numbers(run, steps);
                 args.dy = run.data(dy);
                 args.dx = run.grad(dx.tensor, dx.add);
                 return run.backend().pool_time_backward(run.context(), &args);
               });
}

}  // namespace rnnative

#include "native/ops/where.h"

#include "native/ops/broadcast.h"
#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

// The operand chosen where the condition is not 0, or is.
int32_t one_side(OpRun& run, const Tensor& condition, const Tensor& dy, const Sink& dx,
                 bool chosen) {
  if (!dx.tensor) return RN_OK;
  if (dy.elements() == 0) return zero(run, dx);  // dx may have elements even so: [1] against [0]
  const BroadcastAxes axes = broadcast_axes(dy.shape, condition.shape, dx.tensor.shape);
  RnWhereBackward args = {};
  args.chosen = chosen;
  axes.copy_to(&args.dims, args.shape);
  axes.copy_to(0, args.condition_strides);
  axes.copy_to(1, args.x_strides);
  args.x_size = dx.tensor.elements();
  args.condition = static_cast<const int32_t*>(run.data(condition));
  args.dy = run.data(dy);
  args.dx = run.grad(dx.tensor, dx.add);
  return run.backend().where_backward(run.context(), &args);
}

void check_broadcasts(const Checker& check, std::string_view name, const Shape& shape,
                      const Tensor& dy) {
  if (broadcast(check, dy.shape, name, shape) == dy.shape) return;
  check.fail("ERR_SHAPE", std::string(name) + ": expected a shape that broadcasts to " +
                              dy.shape.to_string() + ", got " + shape.to_string());
}

}  // namespace

Tensor where(Queue& queue, const Tensor& condition, const Tensor& a, const Tensor& b) {
  const Checker check("where", condition.device);
  check.ints("condition", condition);
  check.real("a", a);
  check.real("b", b);
  const Shape both = broadcast(check, condition.shape, "a", a.shape);
  const Tensor y = check.make(broadcast(check, both, "b", b.shape));
  queue.submit(Op("where", a.device).reads(condition).reads(a).reads(b).writes(y),
               [=](OpRun& run) -> int32_t {
                 if (y.elements() == 0) return RN_OK;
                 const BroadcastAxes axes =
                     broadcast_axes(y.shape, condition.shape, a.shape, b.shape);
                 RnWhere args = {};
                 axes.copy_to(&args.dims, args.shape);
                 axes.copy_to(0, args.condition_strides);
                 axes.copy_to(1, args.a_strides);
                 axes.copy_to(2, args.b_strides);
                 args.condition = static_cast<const int32_t*>(run.data(condition));
                 args.a = run.data(a);
                 args.b = run.data(b);
                 args.y = run.data(y);
                 return run.backend().where(run.context(), &args);
               });
  return y;
}

void where_backward(Queue& queue, const Tensor& condition, const Tensor& dy, const Sink& da,
                    const Sink& db) {
  const Checker check("where_backward", dy.device);
  check.ints("condition", condition);
  check.real("dy", dy);
  check_broadcasts(check, "condition", condition.shape, dy);
  for (const auto& [name, sink] : {std::pair{"da", &da}, std::pair{"db", &db}}) {
    if (!sink->tensor) continue;
    check.real(name, sink->tensor);
    check_broadcasts(check, name, sink->tensor.shape, dy);
  }
  if (!da.tensor && !db.tensor) return;
  queue.submit(Op("where_backward", dy.device)
                   .reads(condition)
                   .reads(dy)
                   .sink(da.tensor, da.add)
                   .sink(db.tensor, db.add),
               [=](OpRun& run) -> int32_t {
                 const int32_t status = one_side(run, condition, dy, da, true);
                 return status != RN_OK ? status : one_side(run, condition, dy, db, false);
               });
}

}  // namespace rnnative

#include "native/ops/elementwise.h"

#include "native/ops/broadcast.h"
#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

void check_scalars(const Checker& check, RnUnary op, double a, double b) {
  if (op == RN_AFFINE || op == RN_POW || op == RN_CLAMP) check.not_nan("a", a);
  if (op == RN_AFFINE || op == RN_CLAMP) check.not_nan("b", b);
  if (op == RN_CLAMP && a > b) check.fail("ERR_ARGUMENT", "b: expected a bound not below a");
}

}  // namespace

RnUnary parse_unary(const char* op, std::string_view name) {
  return static_cast<RnUnary>(choose(op, "op", name,
                                     {"neg", "exp", "log", "sqrt", "abs", "square", "tanh",
                                      "sigmoid", "relu", "affine", "pow", "clamp"}));
}

RnBinary parse_binary(const char* op, std::string_view name) {
  return static_cast<RnBinary>(
      choose(op, "op", name, {"add", "sub", "mul", "div", "maximum", "minimum"}));
}

Tensor unary(Queue& queue, RnUnary op, const Tensor& x, double a, double b) {
  const Checker check("unary", x.device);
  check.real("x", x);
  check_scalars(check, op, a, b);
  const Tensor y = check.make(x.shape);
  queue.submit(Op("unary", x.device).reads(x).writes(y), [=](OpRun& run) -> int32_t {
    if (x.elements() == 0) return RN_OK;
    const RnUnaryArgs args = {op, x.elements(), run.data(x), run.data(y), a, b};
    return run.backend().unary(run.context(), &args);
  });
  return y;
}

void unary_backward(Queue& queue, RnUnary op, const Tensor& x, const Tensor& y, const Tensor& dy,
                    double a, double b, const Sink& dx) {
  const Checker check("unary_backward", x.device);
  check.real("x", x);
  check.real("y", y, x.shape);
  check.real("dy", dy, x.shape);
  check.sink("dx", dx, x.shape);
  check_scalars(check, op, a, b);
  if (!dx.tensor) return;
  queue.submit(Op("unary_backward", x.device).reads(x).reads(y).reads(dy).sink(dx.tensor, dx.add),
               [=](OpRun& run) -> int32_t {
                 if (x.elements() == 0) return RN_OK;
                 const RnUnaryBackward args = {op,
                                               x.elements(),
                                               run.data(x),
                                               run.data(y),
                                               run.data(dy),
                                               run.grad(dx.tensor, dx.add),
                                               a,
                                               b};
                 return run.backend().unary_backward(run.context(), &args);
               });
}

Tensor binary(Queue& queue, RnBinary op, const Tensor& a, const Tensor& b) {
  const Checker check("binary", a.device);
  check.real("a", a);
  check.real("b", b);
  const Tensor y = check.make(broadcast(check, a.shape, "b", b.shape));
  queue.submit(Op("binary", a.device).reads(a).reads(b).writes(y), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    const BroadcastAxes axes = broadcast_axes(y.shape, a.shape, b.shape);
    RnBinaryArgs args = {};
    args.op = op;
    axes.copy_to(&args.dims, args.shape);
    axes.copy_to(0, args.a_strides);
    axes.copy_to(1, args.b_strides);
    args.a = run.data(a);
    args.b = run.data(b);
    args.y = run.data(y);
    return run.backend().binary(run.context(), &args);
  });
  return y;
}

void binary_backward(Queue& queue, RnBinary op, const Tensor& a, const Tensor& b, const Tensor& dy,
                     const Sink& da, const Sink& db) {
  const Checker check("binary_backward", a.device);
  check.real("a", a);
  check.real("b", b);
  check.real("dy", dy, broadcast(check, a.shape, "b", b.shape));
  check.sink("da", da, a.shape);
  check.sink("db", db, b.shape);
  if (!da.tensor && !db.tensor) return;
  queue.submit(Op("binary_backward", a.device)
                   .reads(a)
                   .reads(b)
                   .reads(dy)
                   .sink(da.tensor, da.add)
                   .sink(db.tensor, db.add),
               [=](OpRun& run) -> int32_t {
                 if (dy.elements() == 0) {  // an operand may have elements even so: [1] against [0]
                   const int32_t status = zero(run, da);
                   return status != RN_OK ? status : zero(run, db);
                 }
                 const BroadcastAxes axes = broadcast_axes(dy.shape, a.shape, b.shape);
                 RnBinaryBackward args = {};
                 args.op = op;
                 axes.copy_to(&args.dims, args.shape);
                 axes.copy_to(0, args.a_strides);
                 axes.copy_to(1, args.b_strides);
                 args.a_size = a.elements();
                 args.b_size = b.elements();
                 args.a = run.data(a);
                 args.b = run.data(b);
                 args.dy = run.data(dy);
                 args.da = run.grad(da.tensor, da.add);
                 args.db = run.grad(db.tensor, db.add);
                 return run.backend().binary_backward(run.context(), &args);
               });
}

}  // namespace rnnative

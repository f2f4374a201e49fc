#include "native/ops/matmul.h"

#include <string>

#include "native/abi/int8.h"
#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

struct Product {
  int64_t groups, m, n, k;
  Shape shape;    // of the result
  bool shared_b;  // b is 2-D under leading axes of a
};

Product check_product(const Checker& check, const Tensor& a, const Tensor& b, bool trans_a,
                      bool trans_b) {
  check.real("a", a);
  check.real("b", b);
  check.at_least("a", a, 2);
  check.at_least("b", b, 2);
  const int dims = a.shape.dims();
  Product p;
  p.m = a.shape[dims - (trans_a ? 1 : 2)];
  p.k = a.shape[dims - (trans_a ? 2 : 1)];
  p.n = b.shape[b.shape.dims() - (trans_b ? 2 : 1)];
  p.shared_b = b.shape.dims() == 2 && dims > 2;
  const Shape lead = leading(a.shape, dims - 2);
  const Shape b_lead = p.shared_b ? Shape{} : lead;
  check.shape(
      "b", b,
      trans_b ? appended(appended(b_lead, p.n), p.k) : appended(appended(b_lead, p.k), p.n));
  p.groups = lead.elements();
  p.shape = appended(appended(lead, p.m), p.n);
  if (p.shared_b && !trans_a) {  // all rows of a are one matrix
    p.m *= p.groups;
    p.groups = 1;
  }
  return p;
}

// Rows of a tensor seen as a matrix with its last axis as columns.
int64_t rows(const Tensor& t) {
  return t.shape.product(0, t.shape.dims() - 1);
}

Kernel multiplying(const Product& p, const Tensor& a, const Tensor& b, bool trans_a, bool trans_b,
                   const Sink& y) {
  return [=](OpRun& run) -> int32_t {
    RnMatmul args = {};
    args.groups = p.groups;
    args.m = p.m;
    args.n = p.n;
    args.k = p.k;
    args.trans_a = trans_a;
    args.trans_b = trans_b;
    args.a = run.data(a);
    args.b.data = run.data(b);
    args.c = run.grad(y.tensor, y.add);
    if (y.tensor.elements() == 0) return RN_OK;
    if (!p.shared_b || p.groups == 1) return multiply(run, args);
    const int64_t real = static_cast<int64_t>(size_of(a.dtype));
    args.groups = 1;
    for (int64_t g = 0; g < p.groups; ++g) {
      args.a = static_cast<const char*>(run.data(a)) + g * p.m * p.k * real;
      args.c.data = static_cast<char*>(run.data(y.tensor)) + g * p.m * p.n * real;
      if (const int32_t status = multiply(run, args); status != RN_OK) return status;
    }
    return RN_OK;
  };
}

}  // namespace

int32_t multiply(OpRun& run, const RnMatmul& args) {
  if (args.groups == 0 || args.m == 0 || args.n == 0) return RN_OK;
  if (args.k > 0) return run.backend().matmul(run.context(), &args);
  if (args.c.mode == RN_GRAD_WRITE) {
    const RnFill fill = {args.c.data, args.groups * args.m * args.n, 0.0};
    if (const int32_t status = run.backend().fill(run.context(), &fill); status != RN_OK) {
      return status;
    }
  }
  if (!args.bias) return RN_OK;
  StridedAxes axes;
  axes.push(args.groups * args.m, 0, args.n);
  axes.push(args.n, 1, 1);
  const DType dtype = run.backend().real_bytes == 8 ? DType::kF64 : DType::kF32;
  return strided_copy(run, axes, dtype, args.bias, args.c.data, true);
}

Tensor matmul(Queue& queue, const Tensor& a, const Tensor& b, bool trans_a, bool trans_b) {
  const Checker check("matmul", a.device);
  const Product p = check_product(check, a, b, trans_a, trans_b);
  const Tensor y = check.make(p.shape);
  queue.submit(Op("matmul", a.device).reads(a).reads(b).writes(y),
               multiplying(p, a, b, trans_a, trans_b, {y, false}));
  return y;
}

void matmul_into(Queue& queue, const Tensor& a, const Tensor& b, bool trans_a, bool trans_b,
                 const Sink& y) {
  const Checker check("matmul_into", a.device);
  const Product p = check_product(check, a, b, trans_a, trans_b);
  check.real("y", y.tensor, p.shape);
  queue.submit(Op("matmul_into", a.device).reads(a).reads(b).sink(y.tensor, y.add),
               multiplying(p, a, b, trans_a, trans_b, y));
}

namespace {

void check_int8(const Checker& check, int64_t columns) {
  if (check.device() == Device::kCuda)
    check.fail("ERR_UNSUPPORTED", "precision: expected f32 or bf16 on cuda, got int8");
  if (columns > RN_INT8_MOST_COLUMNS)
    check.fail("ERR_UNSUPPORTED", "weight: expected at most " +
                                      std::to_string(RN_INT8_MOST_COLUMNS) +
                                      " columns with int8, got " + std::to_string(columns));
}

}  // namespace

Tensor linear(Queue& queue, const Tensor& x, const Tensor& weight, const Tensor& bias,
              int32_t precision) {
  const Checker check("linear", x.device);
  check.real("x", x);
  check.at_least("x", x, 1);
  check.real("weight", weight);
  const int64_t features = x.shape[x.shape.dims() - 1];
  const int64_t outputs = weight.shape.dims() > 0 ? weight.shape[0] : 0;
  check.shape("weight", weight, Shape{outputs, features});
  check.optional_real("bias", bias, Shape{outputs});
  if (precision == RN_PRECISION_INT8) check_int8(check, features);
  const Tensor y = check.make(appended(leading(x.shape, x.shape.dims() - 1), outputs));
  const RnWeight w = queue.weight(weight);
  queue.submit(
      Op("linear", x.device).reads(x).reads(weight).reads(bias).writes(y), [=](OpRun& run) {
        RnMatmul args = {1,           rows(x), outputs,        features,           0,        1,
                         run.data(x), w,       run.data(bias), run.grad(y, false), precision};
        args.b.data = run.data(weight);
        return multiply(run, args);
      });
  return y;
}

void linear_backward(Queue& queue, const Tensor& x, const Tensor& weight, const Tensor& dy,
                     const Sink& dx, const Sink& dweight, const Sink& dbias,
                     RnPrecision precision) {
  const Checker check("linear_backward", x.device);
  check.real("x", x);
  check.at_least("x", x, 1);
  check.real("weight", weight);
  const int64_t features = x.shape[x.shape.dims() - 1];
  const int64_t outputs = weight.shape.dims() > 0 ? weight.shape[0] : 0;
  check.shape("weight", weight, Shape{outputs, features});
  check.real("dy", dy, appended(leading(x.shape, x.shape.dims() - 1), outputs));
  check.sink("dx", dx, x.shape);
  check.sink("dweight", dweight, weight.shape);
  check.sink("dbias", dbias, Shape{outputs});
  if (!dx.tensor && !dweight.tensor && !dbias.tensor) return;
  const RnWeight w = queue.weight(weight);
  queue.submit(Op("linear_backward", x.device)
                   .reads(x)
                   .reads(weight)
                   .reads(dy)
                   .sink(dx.tensor, dx.add)
                   .sink(dweight.tensor, dweight.add)
                   .sink(dbias.tensor, dbias.add),
               [=](OpRun& run) -> int32_t {
                 const int64_t n = rows(x);
                 int32_t status = RN_OK;
                 if (dx.tensor) {
                   RnMatmul args = {1,
                                    n,
                                    features,
                                    outputs,
                                    0,
                                    0,
                                    run.data(dy),
                                    w,
                                    nullptr,
                                    run.grad(dx.tensor, dx.add),
                                    precision};
                   args.b.data = run.data(weight);
                   status = multiply(run, args);
                 }
                 if (status == RN_OK && dweight.tensor) {
                   const RnMatmul args = {1,
                                          outputs,
                                          features,
                                          n,
                                          1,
                                          0,
                                          run.data(dy),
                                          {run.data(x), 0, 0},
                                          nullptr,
                                          run.grad(dweight.tensor, dweight.add),
                                          precision};
                   status = multiply(run, args);
                 }
                 if (status == RN_OK && dbias.tensor && outputs > 0) {
                   if (n == 0) return zero(run, dbias);
                   const RnColumnSum args = {n, outputs, run.data(dy),
                                             run.grad(dbias.tensor, dbias.add)};
                   status = run.backend().column_sum(run.context(), &args);
                 }
                 return status;
               });
}

}  // namespace rnnative

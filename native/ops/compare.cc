#include "native/ops/compare.h"

#include <string>

#include "native/ops/broadcast.h"
#include "native/ops/check.h"

namespace rnnative {

RnCompareOp parse_comparison(const char* op, std::string_view name) {
  return static_cast<RnCompareOp>(
      choose(op, "op", name, {"equal", "not_equal", "less", "less_equal"}));
}

Tensor compare(Queue& queue, RnCompareOp op, const Tensor& a, const Tensor& b) {
  const Checker check("compare", a.device);
  check.movable("a", a);
  check.movable("b", b);
  if (a.dtype != b.dtype) {
    check.fail("ERR_DTYPE",
               std::string("b: expected ") + name_of(a.dtype) + ", got " + name_of(b.dtype));
  }
  const Tensor y = check.make(broadcast(check, a.shape, "b", b.shape), DType::kI32);
  queue.submit(Op("compare", a.device).reads(a).reads(b).writes(y), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    const BroadcastAxes axes = broadcast_axes(y.shape, a.shape, b.shape);
    RnCompare args = {};
    args.op = op;
    args.integers = a.dtype == DType::kI32;
    axes.copy_to(&args.dims, args.shape);
    axes.copy_to(0, args.a_strides);
    axes.copy_to(1, args.b_strides);
    args.a = run.data(a);
    args.b = run.data(b);
    args.y = static_cast<int32_t*>(run.data(y));
    return run.backend().compare(run.context(), &args);
  });
  return y;
}

}  // namespace rnnative

#include "native/ops/softmax.h"

#include "native/ops/check.h"

namespace rnnative {

Tensor softmax(Queue& queue, const Tensor& x, bool log) {
  const Checker check("softmax", x.device);
  check.real("x", x);
  check.at_least("x", x, 1);
  const Tensor y = check.make(x.shape);
  queue.submit(Op("softmax", x.device).reads(x).writes(y), [=](OpRun& run) -> int32_t {
    if (x.elements() == 0) return RN_OK;
    const int64_t columns = x.shape[x.shape.dims() - 1];
    const RnSoftmax args = {x.elements() / columns, columns, log, run.data(x), run.data(y)};
    return run.backend().softmax(run.context(), &args);
  });
  return y;
}

void softmax_backward(Queue& queue, const Tensor& y, const Tensor& dy, bool log, const Sink& dx) {
  const Checker check("softmax_backward", y.device);
  check.real("y", y);
  check.at_least("y", y, 1);
  check.real("dy", dy, y.shape);
  check.sink("dx", dx, y.shape);
  if (!dx.tensor) return;
  queue.submit(Op("softmax_backward", y.device).reads(y).reads(dy).sink(dx.tensor, dx.add),
               [=](OpRun& run) -> int32_t {
                 if (y.elements() == 0) return RN_OK;
                 const int64_t columns = y.shape[y.shape.dims() - 1];
                 const RnSoftmaxBackward args = {
                     y.elements() / columns,     columns, log, run.data(y), run.data(dy),
                     run.grad(dx.tensor, dx.add)};
                 return run.backend().softmax_backward(run.context(), &args);
               });
}

}  // namespace rnnative

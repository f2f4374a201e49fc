#include "native/ops/dropout.h"

#include "native/ops/check.h"

namespace rnnative {

Tensor dropout(Queue& queue, const Tensor& x, double p, int64_t batch_axis, const RnRandom& random,
               const Sink& sink) {
  const Checker check("dropout", x.device);
  check.real("x", x);
  check.in_range("p", p, 0, 1, false);
  const int axis = check.axis("batchAxis", batch_axis, x);
  check.sink("sink", sink, x.shape);
  const Sink y = sink.tensor ? sink : Sink{check.make(x.shape), false};
  queue.submit(Op("dropout", x.device).reads(x).sink(y.tensor, y.add), [=](OpRun& run) -> int32_t {
    if (x.elements() == 0) return RN_OK;
    const RnDropout args = {x.shape.product(0, axis),
                            x.shape[axis],
                            x.shape.product(axis + 1, x.shape.dims()),
                            p,
                            random,
                            run.data(x),
                            run.grad(y.tensor, y.add)};
    return run.backend().dropout(run.context(), &args);
  });
  return y.tensor;
}

}  // namespace rnnative

#include "native/ops/peak.h"

#include "native/ops/check.h"

namespace rnnative {

Tensor peak(Queue& queue, Device device, double seconds) {
  const Checker check("peak", device);
  check.in_range("seconds", seconds, 0, 1, true);
  const Tensor gflops = check.make(Shape{});
  queue.submit(Op("peak", device).writes(gflops), [gflops, seconds](OpRun& run) -> int32_t {
    const RnPeak args = {run.data(gflops), seconds};
    return run.backend().peak(run.context(), &args);
  });
  return gflops;
}

}  // namespace rnnative

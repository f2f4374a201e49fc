#include "native/ops/one_hot.h"

#include <string>

#include "native/ops/check.h"

namespace rnnative {

Tensor one_hot(Queue& queue, const Tensor& ids, int64_t classes) {
  const Checker check("one_hot", ids.device);
  check.ints("ids", ids);
  if (classes < 1) {
    check.fail("ERR_ARGUMENT",
               "classes: expected a number above 0, got " + std::to_string(classes));
  }
  const Tensor y = check.make(appended(ids.shape, classes));
  queue.submit(Op("one_hot", ids.device).reads(ids).writes(y), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    const RnOneHot args = {ids.elements(), classes, static_cast<const int32_t*>(run.data(ids)),
                           run.data(y)};
    return run.backend().one_hot(run.context(), &args);
  });
  return y;
}

Tensor to_real(Queue& queue, const Tensor& x) {
  const Checker check("to_real", x.device);
  check.ints("x", x);
  const Tensor y = check.make(x.shape);
  queue.submit(Op("to_real", x.device).reads(x).writes(y), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    const RnToReal args = {x.elements(), static_cast<const int32_t*>(run.data(x)), run.data(y)};
    return run.backend().to_real(run.context(), &args);
  });
  return y;
}

}  // namespace rnnative

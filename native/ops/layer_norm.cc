#include "native/ops/layer_norm.h"

#include <limits>

#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

int64_t check_features(const Checker& check, const Tensor& x) {
  check.real("x", x);
  check.at_least("x", x, 1);
  const int64_t features = x.shape[x.shape.dims() - 1];
  if (features == 0) {
    check.fail("ERR_SHAPE", "x: expected features to normalize, got " + x.shape.to_string());
  }
  return features;
}

}  // namespace

LayerNormed layer_norm(Queue& queue, const Tensor& x, const Tensor& gain, const Tensor& bias,
                       double eps, bool training) {
  const Checker check("layer_norm", x.device);
  const int64_t features = check_features(check, x);
  const int64_t rows = x.elements() / features;
  check.optional_real("gain", gain, Shape{features});
  check.optional_real("bias", bias, Shape{features});
  check.in_range("eps", eps, 0, std::numeric_limits<double>::infinity(), false);
  LayerNormed result;
  result.y = check.make(x.shape);
  if (training) result.saved = check.make(Shape{rows, 2});
  const Tensor y = result.y, saved = result.saved;
  queue.submit(Op("layer_norm", x.device).reads(x).reads(gain).reads(bias).writes(y).writes(saved),
               [=](OpRun& run) -> int32_t {
                 if (rows == 0) return RN_OK;
                 const RnLayerNorm args = {rows,        features,       eps,
                                           run.data(x), run.data(gain), run.data(bias),
                                           run.data(y), run.data(saved)};
                 return run.backend().layer_norm(run.context(), &args);
               });
  return result;
}

void layer_norm_backward(Queue& queue, const Tensor& x, const Tensor& gain, const Tensor& saved,
                         const Tensor& dy, const Sink& dx, const Sink& dgain, const Sink& dbias) {
  const Checker check("layer_norm_backward", x.device);
  const int64_t features = check_features(check, x);
  const int64_t rows = x.elements() / features;
  check.optional_real("gain", gain, Shape{features});
  check.real("saved", saved, Shape{rows, 2});
  check.real("dy", dy, x.shape);
  check.sink("dx", dx, x.shape);
  check.sink("dgain", dgain, Shape{features});
  check.sink("dbias", dbias, Shape{features});
  if (dgain.tensor && !gain) check.fail("ERR_ARGUMENT", "dgain: expected null without a gain");
  if (!dx.tensor && !dgain.tensor && !dbias.tensor) return;
  queue.submit(Op("layer_norm_backward", x.device)
                   .reads(x)
                   .reads(gain)
                   .reads(saved)
                   .reads(dy)
                   .sink(dx.tensor, dx.add)
                   .sink(dgain.tensor, dgain.add)
                   .sink(dbias.tensor, dbias.add),
               [=](OpRun& run) -> int32_t {
                 if (rows == 0) {
                   const int32_t status = zero(run, dgain);
                   return status != RN_OK ? status : zero(run, dbias);
                 }
                 const RnLayerNormBackward args = {rows,
                                                   features,
                                                   run.data(x),
                                                   run.data(gain),
                                                   run.data(saved),
                                                   run.data(dy),
                                                   run.grad(dx.tensor, dx.add),
                                                   run.grad(dgain.tensor, dgain.add),
                                                   run.grad(dbias.tensor, dbias.add)};
                 return run.backend().layer_norm_backward(run.context(), &args);
               });
}

}  // namespace rnnative

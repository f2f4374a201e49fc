// peak.
#include "native/ops/peak.h"
#include "native/addon/arguments.h"

namespace rnnative::addon {
namespace {

Napi::Value peak(const Info& info) {
  const Device device = to_device(info[0], "peak", "device");
  const double seconds = number_arg(info, 1, "peak", "seconds");
  return wrap(info.Env(), rnnative::peak(queue(info.Env(), device), device, seconds));
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_peak(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::peak>(env, exports, "peak");
}

}  // namespace rnnative

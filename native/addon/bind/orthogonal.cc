// orthogonal.
#include "native/ops/orthogonal.h"
#include "native/addon/arguments.h"

namespace rnnative::addon {
namespace {

constexpr int64_t kLongestSide = int64_t{1} << 31;

Napi::Value orthogonal(const Info& info) {
  constexpr const char* kOp = "orthogonal";
  const Device device = to_device(info[0], kOp, "device");
  const int64_t rows = integer_arg(info, 1, 0, kLongestSide, kOp, "rows");
  const int64_t columns = integer_arg(info, 2, 0, kLongestSide, kOp, "columns");
  const int64_t blocks = integer_arg(info, 3, 1, kLongestSide, kOp, "blocks");
  const double gain = number_arg(info, 4, kOp, "gain");
  const RnRandom random = to_random(info[5], kOp, "random");
  return wrap(info.Env(), rnnative::orthogonal(queue(info.Env(), device), device, rows, columns,
                                               blocks, gain, random));
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_orthogonal(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::orthogonal>(env, exports, "orthogonal");
}

}  // namespace rnnative

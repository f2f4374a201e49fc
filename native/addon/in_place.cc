// Ops that change a tensor from JavaScript. They leave it as it was when they or their input fail,
// except accumulate, which fails it.
#include <limits>

#include "native/addon/arguments.h"
#include "native/addon/bindings.h"
#include "native/addon/environment.h"
#include "native/addon/upload.h"
#include "native/ops/fill.h"

namespace rnnative::addon {
namespace {

Napi::Value fill_tensor(const Info& info) {
  const Tensor y = tensor_arg(info, 0, "fill", "y");
  Queue& q = queue(info.Env(), y.device);
  if (y.dtype != DType::kI32) {
    fill(q, y, number_arg(info, 1, "fill", "value"));
    return info.Env().Undefined();
  }
  const auto value =
      static_cast<int32_t>(integer_arg(info, 1, std::numeric_limits<int32_t>::min(),
                                       std::numeric_limits<int32_t>::max(), "fill", "value"));
  fill_integers(q, Op("fill", y.device).replaces(y), y, value);
  return info.Env().Undefined();
}

Napi::Value copy_tensor(const Info& info) {
  const Tensor y = tensor_arg(info, 0, "copy_into", "y");
  copy_into(queue(info.Env(), y.device), y, tensor_arg(info, 1, "copy_into", "x"));
  return info.Env().Undefined();
}

Napi::Value accumulate_tensor(const Info& info) {
  const Tensor y = tensor_arg(info, 0, "accumulate", "y");
  accumulate(queue(info.Env(), y.device), y, tensor_arg(info, 1, "accumulate", "x"));
  return info.Env().Undefined();
}

Napi::Value write_into(const Info& info) {
  const Tensor y = tensor_arg(info, 0, "write_into", "y");
  const Elements data = to_elements(info[1], y.dtype, "write_into", "data");
  if (data.count != y.elements())
    throw Error("ERR_SHAPE", "[write_into] data: expected " + std::to_string(y.elements()) +
                                 " elements for " + y.shape.to_string() + ", got " +
                                 std::to_string(data.count));
  submit_upload(Environment::of(info.Env()).queue(y.device), Op("write_into", y.device).replaces(y),
                y, data);
  return info.Env().Undefined();
}

}  // namespace

void export_in_place(Napi::Env env, Napi::Object exports) {
  export_function<&fill_tensor>(env, exports, "fill");
  export_function<&copy_tensor>(env, exports, "copyInto");
  export_function<&accumulate_tensor>(env, exports, "accumulate");
  export_function<&write_into>(env, exports, "writeInto");
}

}  // namespace rnnative::addon

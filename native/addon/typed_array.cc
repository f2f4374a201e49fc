#include "native/addon/typed_array.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "native/runtime/error.h"

namespace rnnative::addon {
namespace {

constexpr size_t kLargeBuffer = size_t{1} << 20;

template <typename From, typename To>
void convert(const Elements& from, void* to) {
  const auto* source = static_cast<const From*>(from.data);
  std::copy(source, source + from.count, static_cast<To*>(to));
}

}  // namespace

Elements to_elements(Napi::Value value, DType dtype, const char* op, const char* name) {
  const std::string where = "[" + std::string(op) + "] " + name + ": expected ";
  const std::string wanted = dtype == DType::kI32  ? "an Int32Array"
                             : dtype == DType::kU8 ? "a Uint8Array"
                                                   : "a Float32Array or Float64Array";
  if (value.IsEmpty() || !value.IsTypedArray())
    throw Error("ERR_ARGUMENT", where + wanted + ", got something else");
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) !=
      napi_ok)
    throw Error("ERR_ARGUMENT", where + "a readable TypedArray");
  const bool real = dtype == DType::kF32 || dtype == DType::kF64;
  const auto count = static_cast<int64_t>(length);
  if (real && type == napi_float32_array) return {data, count, DType::kF32};
  if (real && type == napi_float64_array) return {data, count, DType::kF64};
  if (type == array_type(dtype)) return {data, count, dtype};
  throw Error("ERR_DTYPE", where + wanted + " for " + name_of(dtype) + ", got another TypedArray");
}

void copy_elements(const Elements& from, DType dtype, void* to) {
  if (from.count == 0) return;
  if (from.dtype == dtype)
    std::memcpy(to, from.data, static_cast<size_t>(from.count) * size_of(dtype));
  else if (from.dtype == DType::kF32)
    convert<float, double>(from, to);
  else
    convert<double, float>(from, to);
}

napi_typedarray_type array_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return napi_float32_array;
    case DType::kF64:
      return napi_float64_array;
    case DType::kI32:
      return napi_int32_array;
    case DType::kU8:
      return napi_uint8_array;
  }
  return napi_uint8_array;
}

Napi::ArrayBuffer new_buffer(Napi::Env env, size_t bytes) {
  if (bytes < kLargeBuffer) return Napi::ArrayBuffer::New(env, bytes);
  // JavaScript's constructor throws a RangeError where V8's C++ one ends the process. It is that of
  // a buffer made here: the global one may have been replaced, by one that shrinks under the
  // engine.
  try {
    napi_value prototype = nullptr;
    if (napi_get_prototype(env, Napi::ArrayBuffer::New(env, 0), &prototype) != napi_ok) return {};
    const auto constructor = Napi::Object(env, prototype).Get("constructor").As<Napi::Function>();
    const Napi::Object buffer =
        constructor.New({Napi::Number::New(env, static_cast<double>(bytes))});
    if (buffer.IsArrayBuffer() && buffer.As<Napi::ArrayBuffer>().ByteLength() == bytes &&
        !buffer.Get("resizable").ToBoolean())
      return buffer.As<Napi::ArrayBuffer>();
  } catch (const Napi::Error&) {
  }
  return {};
}

}  // namespace rnnative::addon

#include "native/addon/arguments.h"

#include <cmath>
#include <limits>

#include "native/addon/environment.h"
#include "native/addon/handle.h"

namespace rnnative::addon {
namespace {

constexpr int64_t kMaxSafe = (int64_t{1} << 53) - 1;
constexpr int64_t kMaxElements = int64_t{1} << 40;
constexpr uint32_t kMaxListLength = 1 << 16;

// A value as a message shows it.
std::string shown(Napi::Value value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return value.As<Napi::Boolean>().Value() ? "true" : "false";
    case napi_number: {
      const double number = value.As<Napi::Number>().DoubleValue();
      char text[32];
      std::snprintf(text, sizeof text, "%.16g", number);
      return text;
    }
    case napi_string: {
      std::string text = value.As<Napi::String>().Utf8Value();
      if (text.size() > 40) text.replace(40, std::string::npos, "…");
      return "'" + text + "'";
    }
    case napi_function:
      return "a function";
    case napi_object:
      return value.IsArray() ? "an array" : "an object";
    default:
      return "something else";
  }
}

[[noreturn]] void refuse(const char* code, const char* op, const char* name,
                         const std::string& expected, const std::string& got) {
  throw Error(code,
              "[" + std::string(op) + "] " + name + ": expected " + expected + ", got " + got);
}

[[noreturn]] void refuse(const char* op, const char* name, const std::string& expected,
                         Napi::Value got) {
  refuse("ERR_ARGUMENT", op, name, expected, shown(got));
}

std::string integer_between(int64_t low, int64_t high) {
  if (low == 0 && high >= kMaxSafe) return "an integer >= 0";
  if (low <= -kMaxSafe && high >= kMaxSafe) return "an integer";
  return "an integer from " + std::to_string(low) + " to " + std::to_string(high);
}

Napi::Array to_array(Napi::Value value, const char* op, const char* name) {
  if (!value.IsArray()) refuse(op, name, "an array", value);
  const auto array = value.As<Napi::Array>();
  if (array.Length() > kMaxListLength)
    refuse("ERR_ARGUMENT", op, name, "at most 65536 entries", std::to_string(array.Length()));
  return array;
}

uint32_t word(uint64_t value) {
  return static_cast<uint32_t>(value);
}

}  // namespace

Tensor to_tensor(Napi::Value value, const char* op, const char* name) {
  Handle* handle = nullptr;
  switch (value.IsEmpty() ? HandleState::kForeign : find_handle(value.Env(), value, &handle)) {
    case HandleState::kLive:
      return handle->tensor;
    case HandleState::kDisposed:
      refuse("ERR_DISPOSED", op, name, "a live tensor", "one that has been disposed");
    case HandleState::kForeign:
      break;
  }
  refuse(op, name, "a tensor", value);
}

Tensor to_maybe_tensor(Napi::Value value, const char* op, const char* name) {
  return value.IsNull() || value.IsUndefined() ? Tensor() : to_tensor(value, op, name);
}

std::vector<Tensor> to_tensors(Napi::Value value, const char* op, const char* name, bool maybe) {
  const Napi::Array array = to_array(value, op, name);
  const uint32_t length = array.Length();
  std::vector<Tensor> tensors;
  for (uint32_t i = 0; i < length; ++i) {
    const Napi::Value entry = array.Get(i);
    tensors.push_back(maybe ? to_maybe_tensor(entry, op, name) : to_tensor(entry, op, name));
  }
  return tensors;
}

double to_number(Napi::Value value, const char* op, const char* name) {
  if (!value.IsNumber()) refuse(op, name, "a number", value);
  return value.As<Napi::Number>().DoubleValue();
}

double to_number_in(Napi::Value value, double low, double high, const char* op, const char* name) {
  const double number = to_number(value, op, name);
  if (!std::isfinite(number) || number < low || number > high) {
    char text[80];
    std::snprintf(text, sizeof text, "a finite number from %g to %g", low, high);
    refuse(op, name, text, value);
  }
  return number;
}

int64_t to_integer(Napi::Value value, int64_t low, int64_t high, const char* op, const char* name) {
  low = std::max(low, -kMaxSafe);
  high = std::min(high, kMaxSafe);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  // NaN fails every comparison.
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) ||
      number != std::trunc(number))
    refuse(op, name, integer_between(low, high), value);
  return static_cast<int64_t>(number);
}

bool to_bool(Napi::Value value, const char* op, const char* name) {
  if (!value.IsBoolean()) refuse(op, name, "true or false", value);
  return value.As<Napi::Boolean>().Value();
}

std::string to_string(Napi::Value value, const char* op, const char* name) {
  if (!value.IsString()) refuse(op, name, "a string", value);
  return value.As<Napi::String>().Utf8Value();
}

int to_choice(Napi::Value value, std::initializer_list<const char*> names, const char* op,
              const char* name) {
  std::string choices;
  const std::string text = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  int index = 0;
  for (const char* choice : names) {
    if (text == choice) return index;
    choices += (index++ > 0 ? ", " : "") + std::string(choice);
  }
  refuse(op, name, "one of " + choices, value);
}

std::vector<int64_t> to_integers(Napi::Value value, int64_t low, int64_t high, const char* op,
                                 const char* name) {
  const Napi::Array array = to_array(value, op, name);
  const uint32_t length = array.Length();
  std::vector<int64_t> integers;
  for (uint32_t i = 0; i < length; ++i)
    integers.push_back(to_integer(array.Get(i), low, high, op, name));
  return integers;
}

Shape to_shape(Napi::Value value, const char* op, const char* name) {
  if (!value.IsArray()) refuse("ERR_SHAPE", op, name, "an array of extents", shown(value));
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  if (length > Shape::kMaxDims)
    refuse("ERR_SHAPE", op, name, "at most 8 dimensions", std::to_string(length));
  Shape shape;
  int64_t elements = 1;  // with empty extents left out, so that strides cannot overflow either
  for (uint32_t i = 0; i < length; ++i) {
    const Napi::Value entry = array.Get(i);
    const double extent = entry.IsNumber() ? entry.As<Napi::Number>().DoubleValue() : std::nan("");
    if (!(extent >= 0 && extent <= static_cast<double>(kMaxSafe)) || extent != std::trunc(extent))
      refuse("ERR_SHAPE", op, name, "extents that are integers >= 0", shown(entry));
    const auto whole = static_cast<int64_t>(extent);
    if (whole > kMaxElements / elements)
      refuse("ERR_SHAPE", op, name, "at most 2^40 elements", "more");
    elements *= std::max<int64_t>(whole, 1);
    shape.push(whole);
  }
  return shape;
}

RnRandom to_random(Napi::Value value, const char* op, const char* name) {
  const Napi::Object options = to_options(value, op, name);
  RnRandom random = {};
  const Napi::Value key = options.Get("key");
  const bool typed = key.IsTypedArray() &&
                     key.As<Napi::TypedArray>().TypedArrayType() == napi_uint32_array &&
                     key.As<Napi::TypedArray>().ElementLength() == 2;
  if (!typed) refuse(op, "key", "a Uint32Array of length 2", key);
  const auto words = key.As<Napi::Uint32Array>();
  random.key = static_cast<uint64_t>(words[1]) << 32 | words[0];
  random.step = static_cast<uint64_t>(to_integer(options.Get("step"), 0, kMaxSafe, op, "step"));
  random.sample_base =
      static_cast<uint64_t>(to_integer(options.Get("sampleBase"), 0, kMaxSafe, op, "sampleBase"));
  const Napi::Value stream = options.Get("stream");
  random.stream = stream.IsUndefined() ? 0 : word(to_integer(stream, 0, 255, op, "stream"));
  return random;
}

Device to_device(Napi::Value value, const char* op, const char* name) {
  const int choice = to_choice(value, {"cpu", "reference", "cuda"}, op, name);
  const auto device = static_cast<Device>(choice);
  if (device == Device::kCuda) Environment::of(value.Env()).queue(device);  // throws: why, and fix
  return device;
}

DType to_dtype(Napi::Value value, Device device, const char* op, const char* name) {
  const int choice = to_choice(value, {"f32", "f64", "i32"}, op, name);
  const auto dtype = static_cast<DType>(choice);
  if (dtype != DType::kI32 && dtype != real_dtype(device))
    refuse("ERR_DTYPE", op, name,
           std::string(name_of(real_dtype(device))) + " or i32 on " + name_of(device),
           name_of(dtype));
  return dtype;
}

RnPrecision to_precision(Napi::Value value, const char* op, const char* name) {
  if (value.IsUndefined()) return RN_PRECISION_F32;
  return static_cast<RnPrecision>(to_choice(value, {"f32", "bf16"}, op, name));
}

int32_t to_linear_precision(Napi::Value value, const char* op, const char* name) {
  if (value.IsUndefined()) return RN_PRECISION_F32;
  // In the order of RnPrecision, and RN_PRECISION_INT8.
  return to_choice(value, {"f32", "bf16", "int8"}, op, name);
}

std::vector<Sink> to_sinks(Napi::Value sinks, Napi::Value add, size_t count, const char* op) {
  const std::vector<Tensor> tensors = to_tensors(sinks, op, "sinks", true);
  if (tensors.size() != count)
    refuse("ERR_ARGUMENT", op, "sinks", std::to_string(count) + " entries",
           std::to_string(tensors.size()));
  std::vector<Sink> result(count);
  for (size_t i = 0; i < count; ++i) result[i].tensor = tensors[i];
  if (add.IsArray()) {
    const auto flags = add.As<Napi::Array>();
    if (flags.Length() != count)
      refuse("ERR_ARGUMENT", op, "add", std::to_string(count) + " entries",
             std::to_string(flags.Length()));
    for (size_t i = 0; i < count; ++i)
      result[i].add = to_bool(flags.Get(static_cast<uint32_t>(i)), op, "add");
    return result;
  }
  const int64_t highest = (int64_t{1} << std::min<size_t>(count, 31)) - 1;
  const int64_t bits = to_integer(add, 0, highest, op, "add");
  for (size_t i = 0; i < std::min<size_t>(count, 31); ++i) result[i].add = (bits >> i & 1) != 0;
  return result;
}

Napi::Object to_options(Napi::Value value, const char* op, const char* name) {
  if (value.IsEmpty() || !value.IsObject()) refuse(op, name, "an object", value);
  return value.As<Napi::Object>();
}

Napi::Value wrap(Napi::Env env, const Tensor& tensor) {
  if (!tensor) return env.Null();
  const napi_value handle = make_handle(env, tensor, Environment::of(env).handle_bytes());
  if (handle == nullptr) throw Napi::Error::New(env);
  return {env, handle};
}

Queue& queue(Napi::Env env, Device device) {
  return Environment::of(env).queue(device);
}

Napi::Error to_js_error(Napi::Env env, const char* code, const std::string& message) {
  return Napi::Error(env, make_error(env, code, message));
}

Napi::Error current_exception(Napi::Env env) {
  try {
    throw;
  } catch (const Error& error) {
    return to_js_error(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return to_js_error(env, "ERR_OUT_OF_MEMORY", "[native] out of memory");
  } catch (const std::exception& error) {
    return to_js_error(env, "ERR_INTERNAL", std::string("[native] ") + error.what());
  } catch (...) {
    return to_js_error(env, "ERR_INTERNAL", "[native] unknown exception");
  }
}

}  // namespace rnnative::addon

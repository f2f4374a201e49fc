// Making, describing, reading and disposing of tensors.
#include <algorithm>
#include <limits>

#include "native/addon/arguments.h"
#include "native/addon/bindings.h"
#include "native/addon/environment.h"
#include "native/addon/upload.h"
#include "native/ops/fill.h"
#include "native/runtime/allocator.h"
#include "native/runtime/storage.h"

namespace rnnative::addon {
namespace {

// Takes the tensor's memory on this thread. Queued ops may hold what is missing until they have
// run, so a first refusal waits for them.
void allocate_now(EngineQueue& queue, const Tensor& tensor, const char* op) {
  try {
    tensor.storage->allocate();
  } catch (const Error&) {
    queue.drain();
    try {
      tensor.storage->allocate();
    } catch (const Error& error) {
      throw Error(error.code(), "[" + std::string(op) + "] " + error.what());
    }
  }
}

// Where the host has the memory, copied straight into it: no op knows the storage yet.
Tensor copied(Napi::Env env, Device device, DType dtype, const Shape& shape, const Elements& data,
              const char* op) {
  const Tensor tensor = empty(device, dtype, shape);
  EngineQueue& queue = Environment::of(env).queue(device);
  if (device == Device::kCuda) {
    submit_upload(queue, Op("from_data", device).writes(tensor), tensor, data);
    return tensor;
  }
  allocate_now(queue, tensor, op);
  copy_elements(data, dtype, tensor.storage->data());
  tensor.storage->succeed(range_of(tensor));
  tensor.storage->advance(range_of(tensor));
  return tensor;
}

void check_count(const Elements& data, const Shape& shape, const char* op) {
  if (data.count != shape.elements())
    throw Error("ERR_SHAPE", "[" + std::string(op) + "] data: expected " +
                                 std::to_string(shape.elements()) + " elements for " +
                                 shape.to_string() + ", got " + std::to_string(data.count));
}

Napi::Value from_data(const Info& info) {
  const Device device = to_device(info[0], "from_data", "device");
  const DType dtype = to_dtype(info[1], device, "from_data", "dtype");
  const Shape shape = shape_arg(info, 2, "from_data", "shape");
  const Elements data = to_elements(info[3], dtype, "from_data", "data");
  check_count(data, shape, "from_data");
  return wrap(info.Env(), copied(info.Env(), device, dtype, shape, data, "from_data"));
}

Napi::Value make_empty(const Info& info) {
  const Device device = to_device(info[0], "empty", "device");
  const DType dtype = to_dtype(info[1], device, "empty", "dtype");
  return wrap(info.Env(), empty(device, dtype, shape_arg(info, 2, "empty", "shape")));
}

Napi::Value make_full(const Info& info) {
  const Device device = to_device(info[0], "full", "device");
  const DType dtype = to_dtype(info[1], device, "full", "dtype");
  const Shape shape = shape_arg(info, 2, "full", "shape");
  Queue& q = queue(info.Env(), device);
  if (dtype != DType::kI32)
    return wrap(info.Env(), full(q, device, shape, number_arg(info, 3, "full", "value")));
  const auto value =
      static_cast<int32_t>(integer_arg(info, 3, std::numeric_limits<int32_t>::min(),
                                       std::numeric_limits<int32_t>::max(), "full", "value"));
  const Tensor y = empty(device, dtype, shape);
  fill_integers(q, Op("full", device).writes(y), y, value);
  return wrap(info.Env(), y);
}

Napi::Value make_random(const Info& info) {
  const Device device = to_device(info[0], "random", "device");
  if (to_dtype(info[1], device, "random", "dtype") == DType::kI32)
    throw Error("ERR_DTYPE", "[random] dtype: expected f32 or f64, got i32");
  const Shape shape = shape_arg(info, 2, "random", "shape");
  const RnDistribution distribution =
      parse_distribution(to_string(info[3], "random", "distribution"));
  return wrap(info.Env(),
              random(queue(info.Env(), device), device, shape, distribution,
                     number_arg(info, 4, "random", "a"), number_arg(info, 5, "random", "b"),
                     to_random(info[6], "random", "random")));
}

Napi::Value view(const Info& info) {
  Tensor x = tensor_arg(info, 0, "view", "x");
  const int64_t offset = integer_arg(info, 1, 0, x.elements(), "view", "offset");
  const Shape shape = shape_arg(info, 2, "view", "shape");
  if (shape.elements() > x.elements() - offset)
    throw Error("ERR_SHAPE", "[view] shape: expected at most " +
                                 std::to_string(x.elements() - offset) +
                                 " elements behind offset " + std::to_string(offset) + " of " +
                                 x.shape.to_string() + ", got " + shape.to_string());
  x.offset += offset;
  x.shape = shape;
  return wrap(info.Env(), x);
}

// Of a disposed tensor, only that it is disposed is known.
Napi::Value describe(const Info& info) {
  const Napi::Env env = info.Env();
  Handle* handle = nullptr;
  const HandleState state = find_handle(env, info[0], &handle);
  if (state == HandleState::kForeign) tensor_arg(info, 0, "describe", "x");  // throws
  const Tensor tensor = state == HandleState::kLive ? handle->tensor : Tensor();
  Napi::Array shape = Napi::Array::New(env);
  for (int i = 0; i < tensor.shape.dims(); ++i)
    shape[static_cast<uint32_t>(i)] = static_cast<double>(tensor.shape[i]);
  Napi::Object result = Napi::Object::New(env);
  result["device"] = name_of(tensor.device);
  result["dtype"] = name_of(tensor.dtype);
  result["shape"] = shape;
  result["offset"] = static_cast<double>(tensor.offset);
  result["storageId"] = tensor ? static_cast<double>(tensor.storage->id()) : 0.0;
  result["disposed"] = Napi::Boolean::New(env, !tensor);
  return result;
}

Napi::Value version(const Info& info) {
  const Tensor x = tensor_arg(info, 0, "version", "x");
  return Napi::Number::New(info.Env(), static_cast<double>(x.storage->version(range_of(x))));
}

// Twice is once.
Napi::Value dispose(const Info& info) {
  Handle* handle = nullptr;
  if (find_handle(info.Env(), info[0], &handle) == HandleState::kForeign)
    tensor_arg(info, 0, "dispose", "x");  // throws
  dispose_handle(info.Env(), info[0]);
  return info.Env().Undefined();
}

// Whether the tensor has memory, or may still get it from an op that waits.
bool possible(const Tensor& x) {
  const Allocator& allocator = Allocator::of(static_cast<Account>(x.device));
  const size_t held = allocator.stats(static_cast<Account>(x.device)).bytes;
  return x.bytes() <= std::max(allocator.limit(), held);
}

// The engine copies into the ArrayBuffer that the promise will resolve with; the request keeps it
// alive, and closing the queue waits for such a copy. Where no buffer can be had the read still
// takes its turn, since the failure of the op that should have made so large a tensor says more.
Napi::Value read(const Info& info) {
  const Napi::Env env = info.Env();
  const Tensor x = tensor_arg(info, 0, "read", "x");
  Environment& environment = Environment::of(env);
  EngineQueue& queue = environment.queue(x.device);
  Napi::ArrayBuffer buffer = possible(x) ? new_buffer(env, x.bytes()) : Napi::ArrayBuffer();
  void* destination = buffer.IsEmpty() ? nullptr : buffer.Data();

  const auto request = std::make_shared<Request>();
  if (!buffer.IsEmpty() && napi_create_reference(env, buffer, 1, &request->kept) != napi_ok)
    throw Error("ERR_INTERNAL", "[read] the environment is shutting down");
  request->value = [raw = request.get(), count = static_cast<size_t>(x.elements()),
                    type = array_type(x.dtype)](napi_env e) {
    napi_value storage = nullptr, array = nullptr;
    napi_get_reference_value(e, raw->kept, &storage);
    if (storage) napi_create_typedarray(e, type, count, storage, 0, &array);
    return array;
  };
  return environment.promise(env, request,
                             [&](const Done& done) { queue.read(x, destination, done); });
}

}  // namespace

Tensor maybe_list_arg(const Info& info, size_t i, Device device, DType dtype, const char* op,
                      const char* name) {
  if (info[i].IsNull() || info[i].IsUndefined()) return {};
  const Elements data = to_elements(info[i], dtype, op, name);
  return copied(info.Env(), device, dtype, Shape{data.count}, data, op);
}

void export_tensors(Napi::Env env, Napi::Object exports) {
  export_function<&from_data>(env, exports, "fromData");
  export_function<&make_empty>(env, exports, "empty");
  export_function<&make_full>(env, exports, "full");
  export_function<&make_random>(env, exports, "random");
  export_function<&view>(env, exports, "view");
  export_function<&describe>(env, exports, "describe");
  export_function<&version>(env, exports, "version");
  export_function<&dispose>(env, exports, "dispose");
  export_function<&read>(env, exports, "read");
}

}  // namespace rnnative::addon

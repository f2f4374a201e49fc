#include "native/addon/handle.h"

namespace rnnative::addon {
namespace {

constexpr napi_type_tag kTensorTag = {0x5d1cf6a1b7de4c07, 0x9a6fe2c33f0b8d41};

void destroy(Handle* handle) {
  *handle->total -= static_cast<int64_t>(handle->tensor.bytes());
  delete handle;
}

}  // namespace

HandleState find_handle(napi_env env, napi_value value, Handle** handle) {
  // Asked about null or undefined, napi_check_object_type_tag leaves a TypeError pending.
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object)
    return HandleState::kForeign;
  bool ours = false;
  if (napi_check_object_type_tag(env, value, &kTensorTag, &ours) != napi_ok || !ours)
    return HandleState::kForeign;
  void* data = nullptr;
  if (napi_unwrap(env, value, &data) != napi_ok) return HandleState::kDisposed;
  *handle = static_cast<Handle*>(data);
  return HandleState::kLive;
}

napi_value make_handle(napi_env env, const Tensor& tensor, const HandleBytes& total) {
  napi_value object = nullptr;
  if (napi_create_object(env, &object) != napi_ok) return nullptr;
  if (napi_type_tag_object(env, object, &kTensorTag) != napi_ok) return nullptr;
  auto* handle = new Handle{tensor, total};
  *total += static_cast<int64_t>(tensor.bytes());
  const napi_finalize finalize = [](napi_env, void* data, void*) {
    destroy(static_cast<Handle*>(data));
  };
  if (napi_wrap(env, object, handle, finalize, nullptr, nullptr) != napi_ok) {
    destroy(handle);
    return nullptr;
  }
  return object;
}

void dispose_handle(napi_env env, napi_value value) {
  void* data = nullptr;
  if (napi_remove_wrap(env, value, &data) == napi_ok) destroy(static_cast<Handle*>(data));
}

}  // namespace rnnative::addon

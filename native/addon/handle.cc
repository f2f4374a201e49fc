#include "native/addon/handle.h"

namespace rnnative::addon {
namespace {

constexpr napi_type_tag kTensorTag = {0x5d1cf6a1b7de4c07, 0x9a6fe2c33f0b8d41};

void destroy(Handle* handle) {
  *handle->total -= static_cast<int64_t>(handle->tensor.bytes());
  delete handle;
}

}  // namespace

napi_value make_tagged(napi_env env, const napi_type_tag& tag, void* data, napi_finalize destroy) {
  napi_value object = nullptr;
  if (napi_create_object(env, &object) != napi_ok) return nullptr;
  if (napi_type_tag_object(env, object, &tag) != napi_ok) return nullptr;
  return napi_wrap(env, object, data, destroy, nullptr, nullptr) == napi_ok ? object : nullptr;
}

HandleState find_tagged(napi_env env, napi_value value, const napi_type_tag& tag, void** data) {
  // Asked about null or undefined, napi_check_object_type_tag leaves a TypeError pending.
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object)
    return HandleState::kForeign;
  bool ours = false;
  if (napi_check_object_type_tag(env, value, &tag, &ours) != napi_ok || !ours)
    return HandleState::kForeign;
  return napi_unwrap(env, value, data) == napi_ok ? HandleState::kLive : HandleState::kDisposed;
}

HandleState find_handle(napi_env env, napi_value value, Handle** handle) {
  void* data = nullptr;
  const HandleState state = find_tagged(env, value, kTensorTag, &data);
  if (state == HandleState::kLive) *handle = static_cast<Handle*>(data);
  return state;
}

napi_value make_handle(napi_env env, const Tensor& tensor, const HandleBytes& total) {
  auto* handle = new Handle{tensor, total};
  *total += static_cast<int64_t>(tensor.bytes());
  const napi_finalize finalize = [](napi_env, void* data, void*) {
    destroy(static_cast<Handle*>(data));
  };
  const napi_value object = make_tagged(env, kTensorTag, handle, finalize);
  if (!object) destroy(handle);
  return object;
}

void dispose_handle(napi_env env, napi_value value) {
  void* data = nullptr;
  if (napi_remove_wrap(env, value, &data) == napi_ok) destroy(static_cast<Handle*>(data));
}

}  // namespace rnnative::addon

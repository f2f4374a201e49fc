// What a tensor is in JavaScript: an empty object that carries a type tag of ours and wraps a
// Tensor. Disposing removes the wrap, so nothing but the empty object waits for the collector.
#ifndef RNNATIVE_ADDON_HANDLE_H_
#define RNNATIVE_ADDON_HANDLE_H_

#include <node_api.h>

#include <cstdint>
#include <memory>

#include "native/runtime/tensor.h"

namespace rnnative::addon {

// Bytes under an environment's live handles (a view counts again). Shared with the handles, whose
// finalizers may run after the environment's data is gone.
using HandleBytes = std::shared_ptr<int64_t>;

struct Handle {
  Tensor tensor;
  HandleBytes total;
};

enum class HandleState { kForeign, kDisposed, kLive };

// What every handle of ours is made of: an object with a tag, around `data`. Null with a JavaScript
// exception pending when the environment cannot make objects any more; `data` is then still the
// caller's.
napi_value make_tagged(napi_env env, const napi_type_tag& tag, void* data, napi_finalize destroy);
// Sets *data for a live one.
HandleState find_tagged(napi_env env, napi_value value, const napi_type_tag& tag, void** data);

// Sets *handle for a live one.
HandleState find_handle(napi_env env, napi_value value, Handle** handle);
// Null with a JavaScript exception pending when the environment cannot make objects any more.
napi_value make_handle(napi_env env, const Tensor& tensor, const HandleBytes& total);
void dispose_handle(napi_env env, napi_value value);

}  // namespace rnnative::addon

#endif  // RNNATIVE_ADDON_HANDLE_H_

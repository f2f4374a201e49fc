// TypedArrays as sources and destinations of tensor data.
#ifndef RNNATIVE_ADDON_TYPED_ARRAY_H_
#define RNNATIVE_ADDON_TYPED_ARRAY_H_

#include <napi.h>

#include <cstddef>

#include "native/runtime/tensor.h"

namespace rnnative::addon {

// The elements of a TypedArray. Valid until JavaScript runs again.
struct Elements {
  const void* data;
  int64_t count;
  DType dtype;
};

// A TypedArray whose elements fit `dtype`: f32 and f64 convert into each other, i32 takes an
// Int32Array only. ERR_DTYPE, ERR_ARGUMENT.
Elements to_elements(Napi::Value value, DType dtype, const char* op, const char* name);
// Writes them as `dtype`.
void copy_elements(const Elements& from, DType dtype, void* to);

napi_typedarray_type array_type(DType dtype);
// An ArrayBuffer of zeros; empty where there is no memory for it (Node-API would end the process).
Napi::ArrayBuffer new_buffer(Napi::Env env, size_t bytes);

}  // namespace rnnative::addon

#endif  // RNNATIVE_ADDON_TYPED_ARRAY_H_

// Reading JavaScript arguments and answering values: what every file in bind/ is written with.
//
// Readers throw rnnative::Error in the form "[op] name: expected …, got …"; `export_function` turns
// it into a JavaScript Error with a `code`. A reader never leaves a JavaScript exception pending.
#ifndef RNNATIVE_ADDON_ARGUMENTS_H_
#define RNNATIVE_ADDON_ARGUMENTS_H_

#include <napi.h>

#include <cstdint>
#include <exception>
#include <initializer_list>
#include <string>
#include <vector>

#include "native/abi/backend.h"
#include "native/runtime/error.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative::addon {

// ---- values: `op` and `name` (literals) say where and which in messages
// --------------------------

// A live tensor. ERR_ARGUMENT for anything that is not a handle of ours, ERR_DISPOSED after
// dispose.
Tensor to_tensor(Napi::Value value, const char* op, const char* name);
// As to_tensor; null and undefined give a null Tensor.
Tensor to_maybe_tensor(Napi::Value value, const char* op, const char* name);
// An array of tensors; with `maybe`, entries may be null.
std::vector<Tensor> to_tensors(Napi::Value value, const char* op, const char* name,
                               bool maybe = false);
// Any JavaScript number, NaN and infinities included.
double to_number(Napi::Value value, const char* op, const char* name);
// A finite number within [low, high].
double to_number_in(Napi::Value value, double low, double high, const char* op, const char* name);
// An integer within [low, high]; the widest range accepted is that of safe integers.
int64_t to_integer(Napi::Value value, int64_t low, int64_t high, const char* op, const char* name);
bool to_bool(Napi::Value value, const char* op, const char* name);
std::string to_string(Napi::Value value, const char* op, const char* name);
// The index of a string in `names`; the message lists them.
int to_choice(Napi::Value value, std::initializer_list<const char*> names, const char* op,
              const char* name);
std::vector<int64_t> to_integers(Napi::Value value, int64_t low, int64_t high, const char* op,
                                 const char* name);
// At most 8 extents, each an integer >= 0, with a product of at most 2^40 elements. ERR_SHAPE.
Shape to_shape(Napi::Value value, const char* op, const char* name);
// {key, step, sampleBase, stream?}
RnRandom to_random(Napi::Value value, const char* op, const char* name);
// 'cpu' or 'reference'; 'cuda' throws ERR_DEVICE with the reason and the fix.
Device to_device(Napi::Value value, const char* op, const char* name);
// 'f32', 'f64' or 'i32', if `device` has it: f32 lives on cpu, f64 on reference, i32 on both.
DType to_dtype(Napi::Value value, Device device, const char* op, const char* name);
// `count` gradient sinks: an array of tensors or null; `add` is a number whose bit i, or an array
// of booleans whose entry i, says that sink i is added to.
std::vector<Sink> to_sinks(Napi::Value sinks, Napi::Value add, size_t count, const char* op);
// 'f32' or 'bf16', and what linear may be told 'int8', too; 'f32' when undefined.
RnPrecision to_precision(Napi::Value value, const char* op, const char* name);
int32_t to_linear_precision(Napi::Value value, const char* op, const char* name);
// The members of an options object: `options.get("lr")`. ERR_ARGUMENT unless it is an object.
Napi::Object to_options(Napi::Value value, const char* op, const char* name);

// ---- the same by argument position
// ---------------------------------------------------------------

using Info = Napi::CallbackInfo;

inline Tensor tensor_arg(const Info& info, size_t i, const char* op, const char* name) {
  return to_tensor(info[i], op, name);
}
inline Tensor maybe_tensor_arg(const Info& info, size_t i, const char* op, const char* name) {
  return to_maybe_tensor(info[i], op, name);
}
inline double number_arg(const Info& info, size_t i, const char* op, const char* name) {
  return to_number(info[i], op, name);
}
inline int64_t integer_arg(const Info& info, size_t i, int64_t low, int64_t high, const char* op,
                           const char* name) {
  return to_integer(info[i], low, high, op, name);
}
inline bool bool_arg(const Info& info, size_t i, const char* op, const char* name) {
  return to_bool(info[i], op, name);
}
inline int choice_arg(const Info& info, size_t i, std::initializer_list<const char*> names,
                      const char* op, const char* name) {
  return to_choice(info[i], names, op, name);
}
inline Shape shape_arg(const Info& info, size_t i, const char* op, const char* name) {
  return to_shape(info[i], op, name);
}

// A TypedArray, copied now into a tensor of one axis; null and undefined give a null Tensor.
Tensor maybe_list_arg(const Info& info, size_t i, Device device, DType dtype, const char* op,
                      const char* name);

// ---- answers -----------------------------------------------------------------------------------

// A new handle; null for a null tensor.
Napi::Value wrap(Napi::Env env, const Tensor& tensor);
// The environment's queue for a device: throws ERR_DEVICE for cuda, ERR_ARGUMENT for a bad
// RNNATIVE_ISA.
Queue& queue(Napi::Env env, Device device);

// A JavaScript Error with a `code`.
Napi::Error to_js_error(Napi::Env env, const char* code, const std::string& message);
// The exception in flight as a JavaScript error; call inside a catch block.
Napi::Error current_exception(Napi::Env env);

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

template <Function function>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw current_exception(info.Env());
  }
}

// exports[name] = function, with native exceptions turned into JavaScript ones:
//   export_function<&softmax>(env, exports, "softmax");
template <Function function>
void export_function(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<function>>(env, name));
}

}  // namespace rnnative::addon

#endif  // RNNATIVE_ADDON_ARGUMENTS_H_

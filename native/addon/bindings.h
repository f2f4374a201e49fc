// The groups of functions that the addon exports: its own, and those of ops.
#ifndef RNNATIVE_ADDON_BINDINGS_H_
#define RNNATIVE_ADDON_BINDINGS_H_

#include <napi.h>

namespace rnnative::addon {

// info, memory, threads, ISA, profile, synchronize, cudaProbe.
void export_process(Napi::Env env, Napi::Object exports);
// streamKey, philox.
void export_philox(Napi::Env env, Napi::Object exports);
// Making, describing, reading and disposing of tensors.
void export_tensors(Napi::Env env, Napi::Object exports);
// fill, copyInto, accumulate, writeInto.
void export_in_place(Napi::Env env, Napi::Object exports);
// beginProgram, endProgram, cancelProgram, runProgram, disposeProgram.
void export_program(Napi::Env env, Napi::Object exports);

}  // namespace rnnative::addon

// One row a group of ops, bound in native/addon/bind/<group>.cc.
// clang-format off
#define RN_BIND_GROUPS(GROUP) \
  GROUP(elementwise) \
  GROUP(shape) \
  GROUP(matmul) \
  GROUP(layers) \
  GROUP(recurrent) \
  GROUP(attention) \
  GROUP(decoder) \
  GROUP(crf) \
  GROUP(embed_train) \
  GROUP(collective) \
  GROUP(pointer) \
  GROUP(search) \
  GROUP(select) \
  GROUP(optimizer) \
  GROUP(orthogonal) \
  GROUP(peak)
// clang-format on

namespace rnnative {

#define RN_DECLARE_BIND(group) void bind_##group(Napi::Env env, Napi::Object exports);
RN_BIND_GROUPS(RN_DECLARE_BIND)
#undef RN_DECLARE_BIND

}  // namespace rnnative

#endif  // RNNATIVE_ADDON_BINDINGS_H_

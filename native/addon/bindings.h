// The groups of functions that the addon core itself exports.
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

#endif  // RNNATIVE_ADDON_BINDINGS_H_

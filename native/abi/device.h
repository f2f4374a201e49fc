// The interface between the addon and librnnative_cuda.so, which is opened at run time and may come
// from another compiler, so only plain C data crosses it: no exceptions, no STL types, no
// ownership. The probe carries its size, the version of this interface and the build id of the
// sources it was made from; the addon refuses a library that differs in any of the three.
#ifndef RNNATIVE_ABI_DEVICE_H_
#define RNNATIVE_ABI_DEVICE_H_

#include <stdint.h>

#include "native/abi/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RN_CUDA_ABI_VERSION 3u
#define RN_CUDA_ENTRY_NAME "rn_cuda_device"

// What is known about CUDA on this machine. Texts are NUL-terminated and empty where they do not
// apply.
typedef struct RnCudaProbe {
  uint32_t struct_size;
  uint32_t abi_version;
  char build_id[64];
  int32_t available;        // 1: a device is there and this library has kernels for it
  int32_t runtime_version;  // of the linked CUDA runtime, 1000 * major + 10 * minor
  int32_t driver_version;   // newest CUDA the driver supports, same form; 0: no driver
  int32_t device_count;
  int32_t compute_capability;  // of device 0, 10 * major + minor
  char device_name[128];       // of device 0
  uint64_t memory_bytes;       // of device 0
  char cublas_path[256];       // where cuBLAS was found; empty: nowhere
  char reason[256];            // why `available` is 0
  char fix[256];               // what the user can do about it
} RnCudaProbe;

// What a sequence of ops launches, recorded once to be launched again and again as one piece of
// work.
typedef struct RnProgram RnProgram;

// What one run of a program has of its own, besides the values in the tensors that it reads.
typedef struct RnProgramRun {
  uint64_t random_steps;  // added to RnRandom.step of every op
  int32_t updates;        // calls of optimizer_step, in order:
  const double* rates;    // [updates] lr
  const int64_t* steps;   // [updates] step
  // As in RnContext, for the integers that the ops check and the layouts that follow from them.
  void* runtime;
  const int32_t* (*host)(void* runtime, const int32_t* data);
} RnProgramRun;

// A device: its ops, and its memory. Work and copies take place in the order of the calls, which
// one thread makes; memory is taken and given back by any. Answers are RnStatus; a copy or an op
// that fails tells why in `error`.
typedef struct RnDevice {
  uint32_t struct_size;
  const RnBackend* backend;
  void* (*allocate)(size_t bytes);  // aligned to 256 bytes; NULL when there is none
  void (*release)(void* data, size_t bytes);
  size_t (*available)(void);  // bytes that are free
  // `from` may change as soon as this returns.
  int32_t (*upload)(void* to, const void* from, size_t bytes, char error[256]);
  // Waits for all that came before, and for the copy.
  int32_t (*download)(void* to, const void* from, size_t bytes, char error[256]);
  int32_t (*synchronize)(char error[256]);

  // From now on ops launch nothing, but are recorded: with pointers as they are, so scratch must
  // not be used by others between runs; and with integers (ids, lengths) as yet unknown. Of what
  // depends on those, tokens and rows that are no padding, runs may have as many as there are now,
  // to whole multiples of `token_step`; one with more fails with RN_ERR_INDEX. Ops that read back
  // from the device fail. Until end_program only ops, allocate and release may be
  // called.
  int32_t (*begin_program)(int64_t token_step, char error[256]);
  // Ends the recording; `program` null: it is of no use.
  int32_t (*end_program)(RnProgram** program, char error[256]);
  // Checks the integers, then launches all, or nothing when it fails.
  int32_t (*run_program)(RnProgram* program, const RnProgramRun* run, char error[256]);
  // By any thread.
  void (*drop_program)(RnProgram* program);
} RnDevice;

// The library's one exported symbol, RN_CUDA_ENTRY_NAME. Fills `probe` (never null). Returns the
// device, which lives as long as the process, or null when `probe->available` is 0.
typedef const RnDevice* (*RnCudaEntry)(uint32_t abi_version, RnCudaProbe* probe);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RNNATIVE_ABI_DEVICE_H_

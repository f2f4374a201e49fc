// What the arguments of all ops are made of.
#ifndef RNNATIVE_ABI_BASE_H_
#define RNNATIVE_ABI_BASE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum RnStatus {
  RN_OK = 0,
  RN_ERR_INDEX = 1,          // an id, target or length is out of range
  RN_ERR_OUT_OF_MEMORY = 2,  // scratch or packed weights could not be had
  RN_ERR_UNSUPPORTED = 3,    // this backend lacks the requested variant
  RN_ERR_INTERNAL = 4,
  RN_ERR_NONFINITE = 5,  // a choice would rest on logits that are NaN or infinite
  RN_ERR_DEVICE = 6,     // the device failed, in this op or one before it
};

// What an op may ask of the runtime while it runs. Valid for one call only.
typedef struct RnContext {
  uint32_t struct_size;
  int32_t threads;   // size of the team to use; constant between calls to setThreads
  const char* name;  // of the op
  void* runtime;     // passed back to the callbacks
  // Scratch memory, 64-byte aligned, uninitialised, released after the call. NULL: over the limit.
  void* (*scratch)(void* runtime, size_t bytes);
  // How many pieces of scratch the call holds, and the release of all but the first `count`, those
  // that `packed` gave included.
  size_t (*held)(void* runtime);
  void (*release)(void* runtime, size_t count);
  // The cached packed form `kind` of a weight's version. Sets *fresh to 1 when the caller must fill
  // the buffer. With weight id 0, and where versions change with every use, it is scratch.
  void* (*packed)(void* runtime, uint64_t weight_id, uint64_t weight_version, uint32_t kind,
                  size_t bytes, int32_t* fresh);
  // body(argument, i, n) on n threads at once, i = 0 being the caller; n is `threads` or what the
  // system grants. Returns when all have. Not to be nested.
  void (*parallel)(int32_t threads, void (*body)(void* argument, int32_t thread, int32_t threads),
                   void* argument);
  // Where the values of an int32 input lie in the host's memory, for a backend whose `data` does
  // not. NULL: only the device has them.
  const int32_t* (*host)(void* runtime, const int32_t* data);
  char
      error[256];  // filled by the op before it returns a status other than RN_OK; no "[op]" prefix
} RnContext;

// A parameter matrix or vector. `data` NULL: the slot is absent. `id` names its place in storage
// (0: do not cache packed forms), `version` changes whenever its contents do.
typedef struct RnWeight {
  const void* data;
  uint64_t id;
  uint64_t version;
} RnWeight;

enum RnGradMode { RN_GRAD_SKIP = 0, RN_GRAD_WRITE = 1, RN_GRAD_ADD = 2 };

// A gradient output: nothing, `data = g` or `data += g`.
typedef struct RnGrad {
  void* data;  // NULL when mode is RN_GRAD_SKIP
  int32_t mode;
} RnGrad;

// What matrix products multiply. BF16 rounds both operands to bf16 (to nearest even) and sums in
// f32; all that is stored, outputs and gradients included, stays f32. `reference` ignores it and
// computes exactly.
enum RnPrecision { RN_PRECISION_F32 = 0, RN_PRECISION_BF16 = 1 };

// Where randomness comes from: Philox4x32-10 (Salmon et al. 2011), see native/runtime/philox.h.
// Element e of sample s draws word (e & 3) of
//   philox(key, ctr = { e >> 2, lo32(sample), lo32(step),
//                       stream << 24 | (step >> 32 & 0xff) << 16 | (sample >> 32 & 0xffff) })
// with sample = sample_base + s. So a mask depends on the sample, never on the batch it sits in.
typedef struct RnRandom {
  uint64_t key;   // hash of (seed, module path)
  uint64_t step;  // training step and micro-batch
  uint64_t sample_base;
  uint32_t stream;  // 0..255; separates draws inside one op (the recurrent op adds its layer)
  uint32_t reserved;
} RnRandom;

// Axes that an op over strides takes.
#define RN_MAX_DIMS 8

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RNNATIVE_ABI_BASE_H_

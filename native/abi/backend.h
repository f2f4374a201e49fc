// The seam between rnnative and a backend: a table of C functions over plain data.
//
// `reference` (double, plain loops), `cpu` (float, one copy per instruction set) and `cuda` each
// fill one RnBackend. Nothing here owns memory, throws or uses the C++ library, so a backend may
// live in another shared library built by another compiler. All arguments have been checked by
// native/ops (shapes, dtypes, aliasing) except the values of integer tensors (ids, targets,
// lengths, argmax), which a backend checks itself and answers with RN_ERR_INDEX.
//
// `real` below means double in `reference` and float elsewhere. All tensors are dense, row-major.
// Unless a comment says otherwise no output may alias an input.
#ifndef RNNATIVE_ABI_BACKEND_H_
#define RNNATIVE_ABI_BACKEND_H_

#include "native/abi/args/attention.h"
#include "native/abi/args/crf.h"
#include "native/abi/args/cross_entropy.h"
#include "native/abi/args/elementwise.h"
#include "native/abi/args/embed_train.h"
#include "native/abi/args/layers.h"
#include "native/abi/args/matmul.h"
#include "native/abi/args/optimizer.h"
#include "native/abi/args/orthogonal.h"
#include "native/abi/args/pointer.h"
#include "native/abi/args/pool_time.h"
#include "native/abi/args/recurrent.h"
#include "native/abi/args/search.h"
#include "native/abi/args/select.h"
#include "native/abi/args/shape.h"
#include "native/abi/base.h"
#include "native/abi/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RN_BACKEND_ABI 10

typedef struct RnBackend {
  uint32_t abi;          // RN_BACKEND_ABI
  uint32_t struct_size;  // sizeof(RnBackend)
  const char* name;      // "reference", "generic", "avx2", "avx512", "avx512bf16", "neon",
                         // "cuda"
  int32_t real_bytes;    // 8 in reference, else 4
  int32_t reserved;

#define RN_OP(name, Args) int32_t (*name)(RnContext*, const Args*);
#define RN_SIZE(name, ...) size_t (*name)(__VA_ARGS__);
  RN_OPS(RN_OP, RN_SIZE)
#undef RN_OP
#undef RN_SIZE
} RnBackend;

// In a backend's namespace: declares every op, and makes the table of them.
#define RN_DECLARE_OP(name, Args) int32_t name(RnContext*, const Args*);
#define RN_DECLARE_SIZE(name, ...) size_t name(__VA_ARGS__);
#define RN_DECLARE_OPS RN_OPS(RN_DECLARE_OP, RN_DECLARE_SIZE)

#define RN_ENTER(name, ...) .name = name,
#define RN_TABLE(backend_name, bytes_of_a_real) \
  {.abi = RN_BACKEND_ABI,                       \
   .struct_size = sizeof(RnBackend),            \
   .name = backend_name,                        \
   .real_bytes = bytes_of_a_real,               \
   .reserved = 0,                               \
   RN_OPS(RN_ENTER, RN_ENTER)}

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RNNATIVE_ABI_BACKEND_H_

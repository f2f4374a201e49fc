// The backends linked into the addon. Each cpu variant is the same sources built for one ISA.
#ifndef RNNATIVE_ABI_BACKENDS_H_
#define RNNATIVE_ABI_BACKENDS_H_

#include "native/abi/backend.h"

extern "C" {
const RnBackend* rn_backend_reference();
#if defined(__aarch64__)
const RnBackend* rn_backend_cpu_neon();
#else
const RnBackend* rn_backend_cpu_generic();
const RnBackend* rn_backend_cpu_avx2();
const RnBackend* rn_backend_cpu_avx512();
const RnBackend* rn_backend_cpu_avx512bf16();
#endif
}

#endif  // RNNATIVE_ABI_BACKENDS_H_

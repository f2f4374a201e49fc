// The steps of a layer and direction. They take most of the time to compile, and serve the
// recurrent stack and the decoder alike.
#ifndef RNNATIVE_CPU_RECURRENT_STEPS_H_
#define RNNATIVE_CPU_RECURRENT_STEPS_H_

#include <stdint.h>

#include "native/abi/backend.h"

namespace rnnative::cpu::RN_ISA {

// Runs and their phases are types internal to each file that includes their headers, so that no
// linker ever merges the code of two instruction sets; they pass through here as void.

// Steps s0 .. s1 of the direction's order of a `const Run*`, whose W x + b lies in `gates`, packed
// rows from `row0`. In training activations overwrite `gates`.
int32_t forward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run, bool training,
                      int64_t s0, int64_t s1, float* gates, int64_t row0);
// Steps s1 - 1 down to s0 of a `const BackwardRun*` and its `const PhaseProducts*`.
int32_t backward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run,
                       const void* phases, int64_t s0, int64_t s1);

// The same with layer norm (norm/*.cc), a product and a pass over the rows a step.
int32_t normed_forward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run,
                             bool training, int64_t s0, int64_t s1, float* gates, int64_t row0);
int32_t normed_backward_steps(RnContext* ctx, const RnRecurrentDesc& desc, const void* run,
                              const void* phases, int64_t s0, int64_t s1);

}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_STEPS_H_

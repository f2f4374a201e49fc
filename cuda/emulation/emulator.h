// Tests only: what the emulator offers to intrinsics.cuh's counterpart here, and the device it is.
#ifndef RNNATIVE_CUDA_EMULATION_EMULATOR_H_
#define RNNATIVE_CUDA_EMULATION_EMULATOR_H_

#include <cuda_runtime.h>

constexpr int kEmulatedMultiprocessors = 6;
constexpr size_t kEmulatedSharedBytes = 227 << 10;
extern cudaError_t rn_emulated_error;  // the last that nobody has asked for

char* rn_emulated_shared();
// Calls body with what all lanes of the warp gave, once, when the last has come; then all go on.
void rn_emulated_collective(void* mine, void (*body)(void* const* lanes));
unsigned rn_emulated_cluster_rank();
unsigned rn_emulated_cluster_size();
void rn_emulated_cluster_barrier();
void* rn_emulated_map_shared(void* mine, unsigned rank);

#endif  // RNNATIVE_CUDA_EMULATION_EMULATOR_H_

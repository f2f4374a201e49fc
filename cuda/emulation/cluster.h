// Tests only: what the emulator offers to intrinsics.cuh's counterpart here.
#ifndef RNNATIVE_CUDA_EMULATION_CLUSTER_H_
#define RNNATIVE_CUDA_EMULATION_CLUSTER_H_

char* rn_emulated_shared();
// Calls body with what all lanes of the warp gave, once, when the last has come; then all go on.
void rn_emulated_collective(void* mine, void (*body)(void* const* lanes));
unsigned rn_emulated_cluster_rank();
unsigned rn_emulated_cluster_size();
void rn_emulated_cluster_barrier();
void* rn_emulated_map_shared(void* mine, unsigned rank);

#endif  // RNNATIVE_CUDA_EMULATION_CLUSTER_H_

// Tests only: what the emulator offers to intrinsics.cuh's counterpart here.
#ifndef RNNATIVE_CUDA_EMULATION_CLUSTER_H_
#define RNNATIVE_CUDA_EMULATION_CLUSTER_H_

char* rn_emulated_shared();
unsigned rn_emulated_cluster_rank();
unsigned rn_emulated_cluster_size();
void rn_emulated_cluster_barrier();
void* rn_emulated_map_shared(void* mine, unsigned rank);

#endif  // RNNATIVE_CUDA_EMULATION_CLUSTER_H_

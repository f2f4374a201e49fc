// Tests only: what the emulator offers to intrinsics.cuh's counterpart here, and the device it is.
#ifndef RNNATIVE_CUDA_EMULATION_EMULATOR_H_
#define RNNATIVE_CUDA_EMULATION_EMULATOR_H_

#include <cuda_runtime.h>

// 6, or what RNNATIVE_EMULATION_MULTIPROCESSORS says: layers of real sizes need those of a real
// GPU.
int rn_emulated_multiprocessors();
constexpr size_t kEmulatedSharedBytes = 227 << 10;
extern cudaError_t rn_emulated_error;  // the last that nobody has asked for

extern cudaError_t rn_emulated_lost;  // what the device answers for ever after a trap

// Does the work now, or keeps it for the graph while the stream is captured.
cudaError_t rn_emulated_enqueue(std::function<void()> work);

char* rn_emulated_shared();
// Calls body with what all lanes of the warp gave, once, when the last has come; then all go on.
void rn_emulated_collective(void* mine, void (*body)(void* const* lanes));
// 16 bytes to shared memory, zeros without a source: when they are waited for and no sooner, unless
// the order of turns is drawn, which then decides.
void rn_emulated_copy(void* to, const void* from);
// All copies of this thread so far are a group; waits for all groups but the last `pending`.
void rn_emulated_commit();
void rn_emulated_wait_for_copies(unsigned pending);
// Whether this is the store, counted over the process, that RNNATIVE_EMULATION_LOSES names: it is
// not to happen.
bool rn_emulated_loses();
// Ends all threads that run.
[[noreturn]] void rn_emulated_trap();
unsigned rn_emulated_cluster_rank();
unsigned rn_emulated_cluster_size();
void rn_emulated_cluster_arrive();
void rn_emulated_cluster_wait();
void* rn_emulated_map_shared(void* mine, unsigned rank);

#endif  // RNNATIVE_CUDA_EMULATION_EMULATOR_H_

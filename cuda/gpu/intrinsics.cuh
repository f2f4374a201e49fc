// What kernels need of the hardware beyond CUDA C++, as inline PTX. The emulation has its own
// header of this name, with the same functions.
#ifndef RNNATIVE_CUDA_INTRINSICS_CUH_
#define RNNATIVE_CUDA_INTRINSICS_CUH_

#include <cuda_runtime.h>

#include <cstdint>

namespace rnnative::cuda {

// The block's dynamic shared memory, aligned to 128 bytes.
__device__ __forceinline__ char* shared_memory() {
  extern __shared__ __align__(128) char rn_shared[];
  return rn_shared;
}

__device__ __forceinline__ uint32_t shared_address(const void* shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

// d += a b for one warp: a 16 x 16 row-major, b 16 x 8 column-major, bf16 pairs; d 16 x 8.
// Lane l = 4 g + i holds a[g][2i..], a[g+8][2i..], a[g][2i+8..], a[g+8][2i+8..]; b[2i..][g],
// b[2i+8..][g]; d[g][2i], d[g][2i+1], d[g+8][2i], d[g+8][2i+1].
__device__ __forceinline__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4],
                                         const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8 x 8 matrices of 16-bit elements from shared memory: lane l gives the address of row l % 8
// of matrix l / 8 (16 bytes each), and gets in r[m] the elements 2(l % 4) and 2(l % 4) + 1 of row l
// / 4 of matrix m.
__device__ __forceinline__ void load_matrices(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
// The same of the transposed matrices.
__device__ __forceinline__ void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

// Two floats rounded to bf16 (to nearest even), `low` in the low half.
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

// tanh to about 2^-11, one instruction: where bf16 rounds more anyway.
__device__ __forceinline__ float tanh_approximate(float x) {
  float y;
  asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// 1 / x to about one unit in the last place, one instruction; denormal results are 0.
__device__ __forceinline__ float reciprocal_approximate(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// 16 bytes from global to shared memory without registers; zeros if not `valid` (then `global` is
// not read). Complete after copy_wait and a barrier.
__device__ __forceinline__ void copy_async(void* shared, const void* global, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(global), "r"(valid ? 16 : 0)
               : "memory");
}
__device__ __forceinline__ void copy_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
// Waits until at most `kPending` of this thread's committed groups are under way.
template <int kPending>
__device__ __forceinline__ void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// What was written before the release is seen after the acquire that reads its value, by every
// block.
__device__ __forceinline__ uint32_t load_acquire(const uint32_t* at) {
  uint32_t value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(at) : "memory");
  return value;
}
__device__ __forceinline__ void add_release(uint32_t* at, uint32_t value) {
  asm volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(at), "r"(value) : "memory");
}
// Global memory that other blocks write during the kernel: past the L1 cache, which does not see
// it.
__device__ __forceinline__ uint4 load_fresh(const uint4* at) {
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(at)
               : "memory");
  return v;
}

// Seen by load_fresh of every block, at some time, in no order with other stores.
__device__ __forceinline__ void store_fresh(uint32_t* at, uint32_t value) {
  asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(at), "r"(value) : "memory");
}
// The same value, of which the compiler knows nothing: what follows from it is computed anew in
// every turn of a loop, where else it would be kept in registers that are needed for more.
__device__ __forceinline__ int forgotten(int value) {
  asm volatile("" : "+r"(value));
  return value;
}
// Has the line come to L2, of memory that will be read; nothing waits for it.
__device__ __forceinline__ void prefetch_to_l2(const void* at) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(at));
}
// Between two looks at memory that another block will write. A look takes longer than any pause
// worth taking; only the emulation has to let others run.
__device__ __forceinline__ void spin_pause() {}
// A clock of the whole device, which ticks coarsely.
__device__ __forceinline__ uint64_t nanoseconds() {
  uint64_t now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}
// Ends the kernel and all that was to follow it: the process has lost the device.
__device__ __forceinline__ void trap() {
  asm volatile("trap;");
}

// ---- thread-block clusters (compute capability 9.0)

#if __CUDA_ARCH__ >= 900
__device__ __forceinline__ unsigned cluster_rank() {
  unsigned rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
__device__ __forceinline__ unsigned cluster_size() {
  unsigned size;
  asm volatile("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  return size;
}
// All threads of the cluster, each of which arrives and then waits: what they wrote before they
// arrived is seen by all who have waited. Arriving takes until earlier stores are done, those to
// global memory too.
__device__ __forceinline__ void cluster_arrive() {
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
__device__ __forceinline__ void cluster_wait() {
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}
// The same place in the shared memory of the cluster's block `rank`.
template <class T>
__device__ __forceinline__ T* map_shared(T* mine, unsigned rank) {
  uint64_t address;
  asm volatile("mapa.u64 %0, %1, %2;"
               : "=l"(address)
               : "l"(reinterpret_cast<uint64_t>(mine)), "r"(rank));
  return reinterpret_cast<T*>(address);
}
#else
__device__ __forceinline__ unsigned cluster_rank() {
  return 0;
}
__device__ __forceinline__ unsigned cluster_size() {
  return 1;
}
__device__ __forceinline__ void cluster_arrive() {}
__device__ __forceinline__ void cluster_wait() {
  __syncthreads();
}
template <class T>
__device__ __forceinline__ T* map_shared(T* mine, unsigned) {
  return mine;
}
#endif

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_INTRINSICS_CUH_

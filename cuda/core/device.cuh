// What every kernel file needs: the device, launching, and the error of an op.
#ifndef RNNATIVE_CUDA_CORE_DEVICE_CUH_
#define RNNATIVE_CUDA_CORE_DEVICE_CUH_

#include <cuda_runtime.h>

#include <cstdint>

#include "native/abi/backend.h"

namespace rnnative::cuda {

// What a kernel that waited too long for another block leaves before it traps. It lies on the host:
// of a device that is lost nothing can be read.
struct LastWords {
  uint32_t said, block, step;
};

// The one device and the one stream. Ops are called by one thread.
struct Device {
  cudaStream_t stream;
  cudaDeviceProp properties;
  LastWords* last_words;
};
const Device& device();
// Once, before anything else. Fails only with a broken driver.
cudaError_t open_device();

// RN_OK, or tells in ctx->error what failed. An error that the device does not recover from is
// answered for every later op too.
int32_t check(RnContext* ctx, cudaError_t error);
int32_t fail(RnContext* ctx, int32_t status, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

// Passes what a function of RnDevice came to on, with what `ctx` was told.
int32_t answer(const RnContext& ctx, int32_t status, char* error);

// Device memory for this op, aligned to 64 bytes. Null after telling why.
void* scratch(RnContext* ctx, size_t bytes);
template <class T>
T* scratch_of(RnContext* ctx, int64_t count) {
  return static_cast<T*>(scratch(ctx, static_cast<size_t>(count) * sizeof(T)));
}

// Copies in the stream's order; download waits for it.
int32_t upload(RnContext* ctx, void* to, const void* from, size_t bytes);
int32_t download(RnContext* ctx, void* to, const void* from, size_t bytes);
// On the device: n floats of `from`, or zeros where that is null.
int32_t copy_or_zero(RnContext* ctx, void* to, const void* from, int64_t n);

struct Launch {
  dim3 grid, block;
  size_t shared = 0;         // dynamic shared memory, bytes
  unsigned cluster = 1;      // blocks along x
  bool cooperative = false;  // all blocks run at once
};

// What the runtime answers, unchecked: for who has another way if it is refused.
template <class... Parameters, class... Arguments>
cudaError_t try_launch(const Launch& how, void (*kernel)(Parameters...), Arguments... arguments) {
  constexpr size_t kStatic = size_t{48} << 10;
  if (how.shared > kStatic) {
    // All there is: a graph may hold launches that need more of the same kernel. No kernel has
    // static shared memory besides.
    const cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(device().properties.sharedMemPerBlockOptin));
    if (error != cudaSuccess) return error;
  }
  cudaLaunchAttribute attributes[2];
  cudaLaunchConfig_t config = {};
  config.gridDim = how.grid;
  config.blockDim = how.block;
  config.dynamicSmemBytes = how.shared;
  config.stream = device().stream;
  config.attrs = attributes;
  if (how.cluster > 1) {
    attributes[config.numAttrs].id = cudaLaunchAttributeClusterDimension;
    attributes[config.numAttrs].val.clusterDim.x = how.cluster;
    attributes[config.numAttrs].val.clusterDim.y = 1;
    attributes[config.numAttrs++].val.clusterDim.z = 1;
  }
  if (how.cooperative) {
    attributes[config.numAttrs].id = cudaLaunchAttributeCooperative;
    attributes[config.numAttrs++].val.cooperative = 1;
  }
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

template <class... Parameters, class... Arguments>
int32_t launch(RnContext* ctx, const Launch& how, void (*kernel)(Parameters...),
               Arguments... arguments) {
  return check(ctx, try_launch(how, kernel, arguments...));
}

__host__ __device__ constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// The launch of a kernel whose threads stride over `n` elements.
Launch over(int64_t n, int threads = 256);

// First index of such a thread, and its stride.
__device__ inline int64_t first_index() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t index_stride() {
  return static_cast<int64_t>(gridDim.x) * blockDim.x;
}

// The values of an int32 input on the host: the runtime's copy, else downloaded.
class HostIntegers {
 public:
  HostIntegers() = default;
  HostIntegers(const HostIntegers&) = delete;
  HostIntegers& operator=(const HostIntegers&) = delete;
  ~HostIntegers();
  int32_t read(RnContext* ctx, const int32_t* data, int64_t n);
  int32_t operator[](int64_t i) const { return values_[i]; }

 private:
  const int32_t* values_ = nullptr;
  int32_t* own_ = nullptr;
};
// RN_OK when each of the n values lies in 0..last or equals `exempt`; else RN_ERR_INDEX, naming the
// first that does not. So kernels may rely on them.
int32_t check_indices(RnContext* ctx, const char* what, const int32_t* data, int64_t n,
                      int64_t last, int64_t exempt = INT64_MIN);
// `lengths` may be null.
int32_t check_lengths(RnContext* ctx, const int32_t* lengths, int64_t batch, int64_t time);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_DEVICE_CUH_

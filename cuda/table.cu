// The CUDA backend's entry: the probe and the table of functions. The probe asks in the order in
// which things go wrong for users: no driver, a driver older than this runtime, no device, and a
// device for which this library holds no machine code.

#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>

#include "cuda/core/device.cuh"
#include "cuda/core/memory.cuh"
#include "cuda/core/program.cuh"
#include "cuda/gemm/cublas.cuh"
#include "native/abi/backend.h"
#include "native/abi/device.h"

namespace rnnative::cuda {

RN_DECLARE_OPS

namespace {

constexpr RnBackend kBackend = RN_TABLE("cuda", sizeof(float));

constexpr RnDevice kDevice = {
    .struct_size = sizeof(RnDevice),
    .backend = &kBackend,
    .allocate = allocate,
    .release = release,
    .available = available,
    .upload = upload_staged,
    .download = download_staged,
    .synchronize = synchronize,
    .begin_program = begin_program,
    .end_program = end_program,
    .run_program = run_program,
    .drop_program = drop_program,
};

// Only looked up, never launched: its attributes exist exactly when a device can run this library's
// code.
__global__ void probe_kernel() {}

template <size_t kSize>
void set_text(char (&target)[kSize], const char* text) {
  std::snprintf(target, kSize, "%s", text);
}

void refuse(RnCudaProbe* probe, cudaError_t error, const char* what, const char* fix) {
  std::snprintf(probe->reason, sizeof(probe->reason), "%s: %s (%d): %s", what,
                cudaGetErrorName(error), static_cast<int>(error), cudaGetErrorString(error));
  set_text(probe->fix, fix);
}

void refuse_driver(RnCudaProbe* probe, cudaError_t error) {
  char fix[sizeof(probe->fix)];
  std::snprintf(fix, sizeof(fix),
                "install an NVIDIA driver that supports CUDA %d.%d or newer, and in a container "
                "pass the GPU through",
                probe->runtime_version / 1000, probe->runtime_version % 1000 / 10);
  const char* what = probe->driver_version == 0 ? "no NVIDIA driver is loaded"
                                                : "the NVIDIA driver is too old for this build";
  refuse(probe, error, what, fix);
}

bool find_device(RnCudaProbe* probe) {
  cudaRuntimeGetVersion(&probe->runtime_version);
  cudaDriverGetVersion(&probe->driver_version);
  cudaError_t error = cudaGetDeviceCount(&probe->device_count);
  if (error == cudaErrorInsufficientDriver) {
    probe->device_count = 0;
    refuse_driver(probe, error);
    return false;
  }
  if (error != cudaSuccess) {
    probe->device_count = 0;
    refuse(probe, error, "no CUDA device can be used", "check nvidia-smi and CUDA_VISIBLE_DEVICES");
    return false;
  }

  cudaDeviceProp properties;
  error = cudaGetDeviceProperties(&properties, 0);
  if (error != cudaSuccess) {
    refuse(probe, error, "device 0 does not answer", "check nvidia-smi");
    return false;
  }
  std::snprintf(probe->device_name, sizeof(probe->device_name), "%.127s", properties.name);
  probe->memory_bytes = properties.totalGlobalMem;
  probe->compute_capability = 10 * properties.major + properties.minor;

  cudaFuncAttributes attributes;
  error = cudaFuncGetAttributes(&attributes, probe_kernel);
  if (error != cudaSuccess) {
    refuse(probe, error, "this build has no code for the device",
           "rebuild with -DRNNATIVE_CUDA_ARCHITECTURES set to its compute capability");
    return false;
  }
  error = open_device();
  if (error != cudaSuccess) {
    refuse(probe, error, "device 0 does not answer", "check nvidia-smi");
    return false;
  }
  return true;
}

}  // namespace
}  // namespace rnnative::cuda

extern "C" __attribute__((visibility("default"))) const RnDevice* rn_cuda_device(
    uint32_t abi_version, RnCudaProbe* probe) {
  using namespace rnnative::cuda;
  std::memset(probe, 0, sizeof(*probe));
  probe->struct_size = sizeof(*probe);
  probe->abi_version = RN_CUDA_ABI_VERSION;
  set_text(probe->build_id, RN_BUILD_ID);
  if (abi_version != RN_CUDA_ABI_VERSION) {
    set_text(probe->reason, "the addon and the CUDA library have different interface versions");
    set_text(probe->fix, "reinstall rnnative");
    return nullptr;
  }
  if (!find_device(probe)) return nullptr;
  probe->available = 1;
  set_text(probe->cublas_path, find_cublas().path);
  return &kDevice;
}

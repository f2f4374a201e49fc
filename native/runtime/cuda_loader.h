// Opens the CUDA backend, librnnative_cuda.so, from beside the addon or from the package
// rnnative-cuda.
#ifndef RNNATIVE_RUNTIME_CUDA_LOADER_H_
#define RNNATIVE_RUNTIME_CUDA_LOADER_H_

#include <string>

#include "native/abi/device.h"

namespace rnnative {

struct CudaStatus {
  // Null when `probe.available` is 0.
  const RnDevice* device = nullptr;
  // Always filled in; `probe.reason` and `probe.fix` say why CUDA is not available.
  RnCudaProbe probe = {};
  // Of the library; empty where there is none.
  std::string library_path;
};

// The first call opens the library and probes the machine, which can take a second where a driver
// is present; later calls return the same answer. Safe from any thread. Never call this for device
// 'cpu'.
const CudaStatus& cuda_status();

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_CUDA_LOADER_H_

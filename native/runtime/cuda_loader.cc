#include "native/runtime/cuda_loader.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace rnnative {
namespace {

constexpr const char* kLibraryName = "librnnative_cuda.so";
constexpr const char* kInPackage = "node_modules/rnnative-cuda/librnnative_cuda.so";
#define RN_INSTALL_CUDA "npm install rnnative-cuda@" RN_VERSION

template <size_t kSize>
void set_text(char (&target)[kSize], const std::string& text) {
  std::snprintf(target, kSize, "%s", text.c_str());
}

// The folder that holds this addon, with a trailing slash.
std::string addon_folder() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<void*>(&cuda_status), &info) == 0 || info.dli_fname == nullptr)
    return "./";
  const std::string path = info.dli_fname;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

// Beside the addon, where a build leaves the library; else in the package, which is looked for as
// Node would from here: in the node_modules of every folder above. Empty: nowhere.
std::string find_library() {
  std::string folder = addon_folder();
  if (exists(folder + kLibraryName)) return folder + kLibraryName;
  while (true) {
    if (exists(folder + kInPackage)) return folder + kInPackage;
    const size_t slash = folder.rfind('/', folder.size() - 2);
    if (folder.size() < 2 || slash == std::string::npos) return "";
    folder.resize(slash + 1);
  }
}

void refuse(CudaStatus& status, const std::string& reason, const std::string& fix) {
  status.device = nullptr;
  status.probe.available = 0;
  set_text(status.probe.reason, reason);
  set_text(status.probe.fix, fix);
}

CudaStatus probe_cuda() {
  CudaStatus status;
  status.probe.struct_size = sizeof(RnCudaProbe);
  status.probe.abi_version = RN_CUDA_ABI_VERSION;
  set_text(status.probe.build_id, RN_BUILD_ID);
  status.library_path = find_library();

  if (status.library_path.empty()) {
    refuse(status, "the package rnnative-cuda is not installed",
           RN_INSTALL_CUDA
           " (Linux x64), or build it with RNNATIVE_CMAKE_ARGS=-DRNNATIVE_CUDA=ON npm rebuild "
           "rnnative");
    return status;
  }
  void* library = dlopen(status.library_path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* error = dlerror();
    refuse(status, std::string("cannot open the CUDA library: ") + (error ? error : "unknown"),
           RN_INSTALL_CUDA);
    return status;
  }
  const auto entry = reinterpret_cast<RnCudaEntry>(dlsym(library, RN_CUDA_ENTRY_NAME));
  if (entry == nullptr) {
    refuse(status, "the CUDA library does not export " RN_CUDA_ENTRY_NAME, RN_INSTALL_CUDA);
    return status;
  }

  // The library stays open: its runtime keeps threads and exit handlers of its own.
  status.device = entry(RN_CUDA_ABI_VERSION, &status.probe);
  const RnCudaProbe& probe = status.probe;
  const RnDevice* device = status.device;
  const bool same_build = probe.struct_size == sizeof(RnCudaProbe) &&
                          probe.abi_version == RN_CUDA_ABI_VERSION &&
                          std::strcmp(probe.build_id, RN_BUILD_ID) == 0;
  const bool same_table = device == nullptr || (device->struct_size == sizeof(RnDevice) &&
                                                device->backend->abi == RN_BACKEND_ABI &&
                                                device->backend->struct_size == sizeof(RnBackend));
  if (!same_build || !same_table)
    refuse(status, "the CUDA library was built from other sources than the addon",
           RN_INSTALL_CUDA ", or rebuild both");
  return status;
}

}  // namespace

const CudaStatus& cuda_status() {
  // Leaked like the engine: other threads may still read it while the process exits.
  static const CudaStatus* const status = new CudaStatus(probe_cuda());
  return *status;
}

}  // namespace rnnative

// Tests only: the CUDA runtime on the host. All is done when a call returns, unless it is captured.
#include <cuda_runtime.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/emulation/emulator.h"

cudaError_t rn_emulated_error = cudaSuccess;
cudaError_t rn_emulated_lost = cudaSuccess;

struct CUgraph_st {
  std::vector<std::function<void()>> work;
};
struct CUgraphExec_st {
  std::vector<std::function<void()>> work;
};

namespace {

// By what cudaMalloc gave. Leaked: work may be going on at exit.
auto& mappings = *new std::map<void*, std::pair<void*, size_t>>;
auto& mappings_mutex = *new std::mutex;

CUgraph_st* captured = nullptr;  // while the stream is captured
bool spoiled = false;

// What the driver says to calls that would wait for a stream that is captured.
cudaError_t unless_captured() {
  if (rn_emulated_lost != cudaSuccess) return rn_emulated_lost;
  if (captured == nullptr) return cudaSuccess;
  spoiled = true;
  return rn_emulated_error = cudaErrorStreamCaptureUnsupported;
}

}  // namespace

cudaError_t rn_emulated_enqueue(std::function<void()> work) {
  if (captured != nullptr)
    captured->work.push_back(std::move(work));
  else if (rn_emulated_lost == cudaSuccess)
    work();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  if (const cudaError_t error = unless_captured(); error != cudaSuccess) return error;
  captured = new CUgraph_st;
  spoiled = false;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  *graph = std::exchange(captured, nullptr);
  if (!spoiled) return cudaSuccess;
  delete std::exchange(*graph, nullptr);
  return rn_emulated_error = cudaErrorStreamCaptureInvalidated;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t) {
  for (const auto& work : exec->work)
    if (const cudaError_t error = rn_emulated_enqueue(work); error != cudaSuccess) return error;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

// Between pages that nobody may touch, so that an access past either end ends the process: close to
// the one behind, or to the one before when the order of turns is drawn.
cudaError_t cudaMalloc(void** data, size_t bytes) {
  constexpr size_t kPage = 4096, kAlignment = 256;  // the runtime's
  const size_t used = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const size_t inner = (used + kPage - 1) / kPage * kPage;
  if (rn_emulated_lost != cudaSuccess) return rn_emulated_lost;
  void* const all = mmap(nullptr, inner + 2 * kPage, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return rn_emulated_error = cudaErrorMemoryAllocation;
  char* const begin = static_cast<char*>(all) + kPage;
  mprotect(begin, inner, PROT_READ | PROT_WRITE);
  std::memset(begin, 0xff, inner);
  *data = begin + (std::getenv("RNNATIVE_EMULATION_SEED") != nullptr ? 0 : inner - used);
  const std::lock_guard lock(mappings_mutex);
  mappings[*data] = {all, inner + 2 * kPage};
  return cudaSuccess;
}
cudaError_t cudaFree(void* data) {
  const std::lock_guard lock(mappings_mutex);
  const auto found = mappings.find(data);
  if (found == mappings.end()) return cudaSuccess;
  munmap(found->second.first, found->second.second);
  mappings.erase(found);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** data, size_t bytes) {
  return cudaMalloc(data, bytes);
}
cudaError_t cudaFreeHost(void* data) {
  return cudaFree(data);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t) {
  return rn_emulated_enqueue([=] { std::memcpy(to, from, bytes); });
}
cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t) {
  return rn_emulated_enqueue([=] { std::memset(data, value, bytes); });
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = *total = size_t{4} << 30;
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = nullptr;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return unless_captured();
}
cudaError_t cudaStreamQuery(cudaStream_t) {
  return unless_captured();
}
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = nullptr;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return cudaEventCreate(event);
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) {
  return unless_captured();
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0;
  return cudaSuccess;
}
cudaError_t cudaGetLastError() {
  const cudaError_t error = rn_emulated_error;
  rn_emulated_error = cudaSuccess;
  return error;
}
const char* cudaGetErrorName(cudaError_t error) {
  if (error == cudaErrorLaunchFailure) return "cudaErrorLaunchFailure";
  return error == cudaSuccess ? "cudaSuccess" : "cudaError";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "an error in the emulation";
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) {
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "emulated on the CPU");
  properties->major = 9;
  properties->multiProcessorCount = rn_emulated_multiprocessors();
  properties->totalGlobalMem = size_t{4} << 30;
  properties->sharedMemPerBlockOptin = properties->sharedMemPerMultiprocessor =
      kEmulatedSharedBytes;
  properties->l2CacheSize = 50 << 20;
  properties->cooperativeLaunch = 1;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

// Copies between the host's memory and the device's. They go through two pinned buffers: the device
// reads pageable memory only through the driver's own staging, and while that goes on the caller
// waits; so the host fills one buffer while the device reads the other.
#include "cuda/core/memory.cuh"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "cuda/core/device.cuh"

namespace rnnative::cuda {
namespace {

constexpr size_t kStaging = size_t{4} << 20;

struct Staging {
  char* data = nullptr;
  cudaEvent_t copied = nullptr;  // the device has read it, or filled it
};
Staging staging[2];
int turn = 0;

// The next buffer, once the device is done with it.
int32_t next_buffer(RnContext* ctx, Staging** buffer) {
  Staging& next = staging[turn++ % 2];
  *buffer = &next;
  if (next.data != nullptr) return check(ctx, cudaEventSynchronize(next.copied));
  void* data = nullptr;
  int32_t status = check(ctx, cudaMallocHost(&data, kStaging));
  if (status == RN_OK)
    status = check(ctx, cudaEventCreateWithFlags(&next.copied, cudaEventDisableTiming));
  if (status == RN_OK)
    next.data = static_cast<char*>(data);
  else
    cudaFreeHost(data);
  return status;
}

int32_t send(RnContext* ctx, char* to, const char* from, size_t bytes) {
  Staging* buffer = nullptr;
  for (size_t done = 0; done < bytes; done += kStaging) {
    const size_t part = std::min(kStaging, bytes - done);
    int32_t status = next_buffer(ctx, &buffer);
    if (status != RN_OK) return status;
    std::memcpy(buffer->data, from + done, part);
    status = upload(ctx, to + done, buffer->data, part);
    if (status == RN_OK) status = check(ctx, cudaEventRecord(buffer->copied, device().stream));
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

int32_t receive(RnContext* ctx, char* to, const char* from, size_t bytes) {
  Staging* buffer = nullptr;
  for (size_t done = 0; done < bytes; done += kStaging) {
    const size_t part = std::min(kStaging, bytes - done);
    int32_t status = next_buffer(ctx, &buffer);
    if (status == RN_OK) status = download(ctx, buffer->data, from + done, part);
    if (status != RN_OK) return status;
    std::memcpy(to + done, buffer->data, part);
  }
  return RN_OK;
}

}  // namespace

void* allocate(size_t bytes) {
  void* data = nullptr;
  if (cudaMalloc(&data, bytes) == cudaSuccess) return data;
  cudaGetLastError();  // told by answering null
  return nullptr;
}

void release(void* data, size_t) {
  cudaFree(data);
}

size_t available() {
  size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return 0;
  return free;
}

int32_t upload_staged(void* to, const void* from, size_t bytes, char* error) {
  RnContext ctx = {};
  return answer(ctx, send(&ctx, static_cast<char*>(to), static_cast<const char*>(from), bytes),
                error);
}

int32_t download_staged(void* to, const void* from, size_t bytes, char* error) {
  RnContext ctx = {};
  return answer(ctx, receive(&ctx, static_cast<char*>(to), static_cast<const char*>(from), bytes),
                error);
}

int32_t synchronize(char* error) {
  RnContext ctx = {};
  return answer(ctx, check(&ctx, cudaStreamSynchronize(device().stream)), error);
}

}  // namespace rnnative::cuda

// The device, its one stream, and errors.
#include "cuda/core/device.cuh"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "cuda/core/program.cuh"

namespace rnnative::cuda {
namespace {

Device the_device;
// An error after which the device answers nothing more, such as an illegal address.
cudaError_t lost = cudaSuccess;

void tell(RnContext* ctx, cudaError_t error) {
  const char *name = cudaGetErrorName(error), *text = cudaGetErrorString(error);
  const volatile LastWords& words = *the_device.last_words;
  if (lost == cudaSuccess)
    std::snprintf(ctx->error, sizeof ctx->error, "%s: %s", name, text);
  else if (words.said != 0)
    std::snprintf(ctx->error, sizeof ctx->error,
                  "the GPU is lost to this process (%s): block %u of a recurrence waited 10 s for "
                  "others at step %u; RNNATIVE_CUDA_RECURRENCE=steps does without such waits",
                  name, words.block, words.step);
  else
    std::snprintf(ctx->error, sizeof ctx->error, "the GPU is lost to this process (%s): %s", name,
                  text);
}

}  // namespace

const Device& device() {
  return the_device;
}

cudaError_t open_device() {
  cudaError_t error = cudaSetDevice(0);
  if (error == cudaSuccess) error = cudaGetDeviceProperties(&the_device.properties, 0);
  if (error == cudaSuccess)
    error = cudaStreamCreateWithFlags(&the_device.stream, cudaStreamNonBlocking);
  void* words = nullptr;
  if (error == cudaSuccess) error = cudaMallocHost(&words, sizeof(LastWords));
  if (error == cudaSuccess) the_device.last_words = new (words) LastWords{};
  return error;
}

int32_t check(RnContext* ctx, cudaError_t error) {
  if (lost == cudaSuccess && error == cudaSuccess) return RN_OK;
  // Forgets an error of the call alone; one that stays is of the device.
  cudaGetLastError();
  // Asking a stream that is being recorded would spoil the recording.
  if (lost == cudaSuccess && !recording() && cudaStreamQuery(the_device.stream) == error &&
      error != cudaErrorNotReady)
    lost = error;
  tell(ctx, lost == cudaSuccess ? error : lost);
  if (error == cudaErrorMemoryAllocation && lost == cudaSuccess) return RN_ERR_OUT_OF_MEMORY;
  return RN_ERR_DEVICE;
}

int32_t fail(RnContext* ctx, int32_t status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(ctx->error, sizeof ctx->error, format, arguments);
  va_end(arguments);
  return status;
}

int32_t answer(const RnContext& ctx, int32_t status, char* error) {
  if (status != RN_OK) std::snprintf(error, sizeof ctx.error, "%s", ctx.error);
  return status;
}

void* scratch(RnContext* ctx, size_t bytes) {
  void* data = ctx->scratch(ctx->runtime, std::max<size_t>(bytes, 1));
  if (data == nullptr) std::snprintf(ctx->error, sizeof ctx->error, "no memory for scratch");
  return data;
}

Launch over(int64_t n, int threads) {
  // A few blocks for each multiprocessor; each thread strides over the rest.
  const int64_t most = int64_t{the_device.properties.multiProcessorCount} * 2048 / threads;
  const int64_t blocks = std::clamp<int64_t>(ceil_div(n, threads), 1, most);
  Launch how;
  how.grid = dim3(static_cast<unsigned>(blocks));
  how.block = dim3(static_cast<unsigned>(threads));
  return how;
}

int32_t upload(RnContext* ctx, void* to, const void* from, size_t bytes) {
  if (bytes == 0) return RN_OK;
  if (recording())
    return fail(ctx, RN_ERR_UNSUPPORTED, "it sends from the host, which a program cannot do");
  return check(ctx, cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, the_device.stream));
}

int32_t download(RnContext* ctx, void* to, const void* from, size_t bytes) {
  if (recording())
    return fail(ctx, RN_ERR_UNSUPPORTED, "its values are read back, which a program cannot do");
  if (bytes > 0) {
    const int32_t status =
        check(ctx, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, the_device.stream));
    if (status != RN_OK) return status;
  }
  return check(ctx, cudaStreamSynchronize(the_device.stream));
}

int32_t copy_or_zero(RnContext* ctx, void* to, const void* from, int64_t n) {
  if (n == 0) return RN_OK;
  const size_t bytes = static_cast<size_t>(n) * sizeof(float);
  return check(ctx,
               from ? cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, the_device.stream)
                    : cudaMemsetAsync(to, 0, bytes, the_device.stream));
}

HostIntegers::~HostIntegers() {
  std::free(own_);
}

int32_t HostIntegers::read(RnContext* ctx, const int32_t* data, int64_t n) {
  if (n == 0) return RN_OK;
  values_ = ctx->host(ctx->runtime, data);
  if (values_ != nullptr) return RN_OK;
  const size_t bytes = static_cast<size_t>(n) * sizeof(int32_t);
  values_ = own_ = static_cast<int32_t*>(std::malloc(bytes));
  if (own_ == nullptr) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for indices");
  return download(ctx, own_, data, bytes);
}

namespace {

int32_t check_now(RnContext* ctx, const char* what, const int32_t* data, int64_t n, int64_t last,
                  int64_t exempt) {
  HostIntegers values;
  const int32_t status = values.read(ctx, data, n);
  if (status != RN_OK) return status;
  for (int64_t i = 0; i < n; ++i) {
    if ((values[i] >= 0 && values[i] <= last) || values[i] == exempt) continue;
    return fail(ctx, RN_ERR_INDEX, "%s %d at position %lld: expected 0..%lld", what, values[i],
                static_cast<long long>(i), static_cast<long long>(last));
  }
  return RN_OK;
}

}  // namespace

int32_t check_indices(RnContext* ctx, const char* what, const int32_t* data, int64_t n,
                      int64_t last, int64_t exempt) {
  const int32_t status = check_now(ctx, what, data, n, last, exempt);
  if (status != RN_OK || !recording()) return status;
  return before_launch(ctx, [=](RnContext* later, const RnProgramRun&) {
    return check_now(later, what, data, n, last, exempt);
  });
}

int32_t check_lengths(RnContext* ctx, const int32_t* lengths, int64_t batch, int64_t time) {
  return lengths == nullptr ? RN_OK : check_indices(ctx, "length", lengths, batch, time);
}

}  // namespace rnnative::cuda

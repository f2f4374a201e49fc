// The device's memory, as RnDevice offers it.
#ifndef RNNATIVE_CUDA_CORE_MEMORY_CUH_
#define RNNATIVE_CUDA_CORE_MEMORY_CUH_

#include <cstddef>
#include <cstdint>

namespace rnnative::cuda {

void* allocate(size_t bytes);
void release(void* data, size_t bytes);
size_t available();
int32_t upload_staged(void* to, const void* from, size_t bytes, char* error);
int32_t download_staged(void* to, const void* from, size_t bytes, char* error);
int32_t synchronize(char* error);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_MEMORY_CUH_

#include "native/runtime/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace rnnative {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kMapped = size_t{256} << 10;
constexpr size_t kHuge = size_t{4} << 20;

size_t whole_pages(size_t bytes) {
  return (bytes + 4095) & ~size_t{4095};
}

void* map(size_t bytes) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return data == MAP_FAILED ? nullptr : data;
}

// Maps more than asked for and cuts both ends off, to start on a huge page.
void* map_aligned(size_t bytes) {
  auto* base = static_cast<char*>(map(bytes + kHugePage));
  if (base == nullptr) return nullptr;
  const size_t head = (kHugePage - reinterpret_cast<uintptr_t>(base) % kHugePage) % kHugePage;
  if (head > 0) munmap(base, head);
  if (head < kHugePage) munmap(base + head + bytes, kHugePage - head);
#ifdef MADV_HUGEPAGE
  madvise(base + head, bytes, MADV_HUGEPAGE);
#endif
  return base + head;
}

}  // namespace

void* take_pages(size_t bytes) {
  if (kExactBlocks) {
    void* data = nullptr;
    return posix_memalign(&data, 64, bytes) == 0 ? data : nullptr;
  }
  if (bytes < kMapped) return std::aligned_alloc(64, bytes);
  return bytes < kHuge ? map(whole_pages(bytes)) : map_aligned(whole_pages(bytes));
}

void return_pages(void* data, size_t bytes) {
  if (kExactBlocks || bytes < kMapped)
    std::free(data);
  else
    munmap(data, whole_pages(bytes));
}

}  // namespace rnnative

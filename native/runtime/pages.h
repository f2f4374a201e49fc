// Memory from the system. Blocks from 256 KiB on are mappings of their own, so that giving one back
// lowers the resident set at once; those from 4 MiB on ask for huge pages.
#ifndef RNNATIVE_RUNTIME_PAGES_H_
#define RNNATIVE_RUNTIME_PAGES_H_

#include <cstddef>

namespace rnnative {

// Under AddressSanitizer every block is an exact allocation that is never recycled, so an access
// past its end or after its release is seen.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kExactBlocks = true;
#else
inline constexpr bool kExactBlocks = false;
#endif

// Null when the system refuses. `bytes` is a multiple of 64 unless kExactBlocks.
void* take_pages(size_t bytes);
// With the `bytes` it was taken with.
void return_pages(void* data, size_t bytes);

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_PAGES_H_

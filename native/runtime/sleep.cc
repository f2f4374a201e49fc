#include "native/runtime/sleep.h"

#include <climits>

#include "native/runtime/placement.h"

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <sched.h>
#endif

namespace rnnative {

// Not std::atomic's wait: it yields before it sleeps, and on a busy machine that costs the time
// slices of all others.
void sleep_while(const uint32_t* word, uint32_t value) {
#ifdef __linux__
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
  stay_apart();
#else
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value) sched_yield();
#endif
}

void wake_sleepers(const uint32_t* word) {
#ifdef __linux__
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
#else
  (void)word;
#endif
}

}  // namespace rnnative

// For sources that wait for a std::condition_variable: the addon runs on systems older than the one
// that builds it.
#ifndef RNNATIVE_ABI_FLOOR_H_
#define RNNATIVE_ABI_FLOOR_H_

#include <condition_variable>

#if defined(__GLIBCXX__) && defined(__gnu_linux__)
// The version that libstdc++ has had since GCC 4.4; by default the linker takes that of GCC 12, the
// only thing in this addon that would ask for so new a system (scripts/check-floor.sh).
__asm__(
    ".symver _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE, "
    "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");
#endif

#endif  // RNNATIVE_ABI_FLOOR_H_

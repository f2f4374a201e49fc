// Tells the core that it spins.
#ifndef RNNATIVE_RUNTIME_PAUSE_H_
#define RNNATIVE_RUNTIME_PAUSE_H_

namespace rnnative {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_PAUSE_H_

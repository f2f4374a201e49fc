// Normal numbers of random words, formed in double by libm: the same on every instruction set.
#ifndef RNNATIVE_CPU_CORE_NORMAL_H_
#define RNNATIVE_CPU_CORE_NORMAL_H_

#include <math.h>
#include <stdint.h>

#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

inline double unit(uint32_t word) {
  return (double)(word >> 8) * 0x1p-24;
}

// Box and Muller 1958: a pair of words makes a pair of standard normal numbers.
inline void normal_pair(const uint32_t words[2], double out[2]) {
  const double radius = ::sqrt(-2 * ::log(unit(words[0]) + 0x1p-24));
  const double angle = 2 * M_PI * unit(words[1]);
  out[0] = radius * ::cos(angle);
  out[1] = radius * ::sin(angle);
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CORE_NORMAL_H_

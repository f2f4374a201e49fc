// Assembles this instruction set's backend table.
#include "native/abi/backend.h"
#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {

RN_DECLARE_OPS

namespace {

constexpr RnBackend kBackend = RN_TABLE(RN_STRING(RN_ISA), sizeof(float));

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

extern "C" const RnBackend* RN_JOIN(rn_backend_cpu_, RN_ISA)() {
  return &rnnative::cpu::RN_ISA::kBackend;
}

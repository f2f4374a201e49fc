// Products in int8 (native/abi/int8.h). All arithmetic between rounding and scaling is that of
// whole numbers, so neither tiles nor threads nor the instruction set change a sum.
#ifndef RNNATIVE_CPU_GEMM_INT8_H_
#define RNNATIVE_CPU_GEMM_INT8_H_

#include "native/cpu/gemm/gemm.h"

namespace rnnative::cpu::RN_ISA {

// As gemm, of a whole weight [n, k] with trans_b. RN_OK, RN_ERR_OUT_OF_MEMORY, or
// RN_ERR_UNSUPPORTED for another form.
int32_t gemm_int8(RnContext* ctx, const Gemm& args);

}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_GEMM_INT8_H_

// What the forward and the backward pass of the recurrent stack share.
#ifndef RNNATIVE_CPU_RECURRENT_RECURRENT_H_
#define RNNATIVE_CPU_RECURRENT_RECURRENT_H_

#include "native/cpu/recurrent/cells.h"
#include "native/cpu/recurrent/layout.h"
#include "native/cpu/recurrent/sequence.h"
#include "native/cpu/recurrent/team.h"

namespace rnnative::cpu::RN_ISA {
namespace {

// Kinds of packed forms: a weight may serve cells of different types, in either precision. 1 to 4
// are the GEMM's. 10 to 12 are the decoder's, of parts of its first layer's W.
enum PackedForm {
  kPackedInput = 0,
  kPackedForward = 1,
  kPackedBackward = 5,
  kPackedEmbedded = 10,
  kPackedFed = 11,
  kPackedFedBackward = 12,
  kPackedProjection = 13,
  kPackedProjectionBackward = 14
};
// With layer norm the same form has its columns elsewhere (Layout). `columns`: at which column a
// weight of two parts is cut; either may be padded to the same size.
RN_INLINE uint32_t packed_kind(const RnRecurrentDesc& desc, int form, int64_t columns = 0) {
  static_assert(RN_CELL_COUNT * 16 <= 128);
  return 64 + (uint32_t)desc.precision * 128 + (uint32_t)desc.norm * 512 +
         (uint32_t)desc.cell * 16 + (uint32_t)form + ((uint32_t)columns << 10);
}

inline void* packed_weight(RnContext* ctx, const RnWeight& w, uint32_t kind, size_t bytes,
                           int32_t* fresh) {
  return ctx->packed(ctx->runtime, w.id, w.version, kind, bytes, fresh);
}

RN_INLINE RnWeight plain(const float* data) {
  return {data, 0, 0};
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_RECURRENT_RECURRENT_H_

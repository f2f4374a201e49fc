// Assembles this instruction set's backend table.
#include "native/cpu/kernels.h"
#include "native/cpu/simd/simd.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr RnBackend kBackend = {
    .abi = RN_BACKEND_ABI,
    .struct_size = sizeof(RnBackend),
    .name = RN_STRING(RN_ISA),
    .real_bytes = sizeof(float),
    .reserved = 0,
    .fill = fill,
    .accumulate = accumulate,
    .random_fill = random_fill,
    .unary = unary,
    .unary_backward = unary_backward,
    .binary = binary,
    .binary_backward = binary_backward,
    .reduce = reduce,
    .reduce_backward = reduce_backward,
    .strided_copy = strided_copy,
    .mask_time = mask_time,
    .matmul = matmul,
    .column_sum = column_sum,
    .embedding = embedding,
    .embedding_backward = embedding_backward,
    .dropout = dropout,
    .layer_norm = layer_norm,
    .layer_norm_backward = layer_norm_backward,
    .softmax = softmax,
    .softmax_backward = softmax_backward,
    .cross_entropy_reserve = cross_entropy_reserve,
    .cross_entropy = cross_entropy,
    .cross_entropy_backward = cross_entropy_backward,
    .recurrent_reserve = recurrent_reserve,
    .recurrent = recurrent,
    .recurrent_backward = recurrent_backward,
    .attention = attention,
    .attention_backward = attention_backward,
    .decoder_reserve = decoder_reserve,
    .decoder = decoder,
    .decoder_backward = decoder_backward,
    .topk = topk,
    .sample_tokens = sample_tokens,
    .global_norm = global_norm,
    .optimizer_step = optimizer_step,
    .peak = peak,
};

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

extern "C" const RnBackend* RN_JOIN(rn_backend_cpu_, RN_ISA)() {
  return &rnnative::cpu::RN_ISA::kBackend;
}

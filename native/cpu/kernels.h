// The functions that fill a CPU backend's table, one copy per instruction set. Arguments, shapes
// and meaning: native/abi/backend.h.
#ifndef RNNATIVE_CPU_KERNELS_H_
#define RNNATIVE_CPU_KERNELS_H_

#include "native/abi/backend.h"

namespace rnnative::cpu::RN_ISA {

int32_t fill(RnContext* ctx, const RnFill* args);
int32_t accumulate(RnContext* ctx, const RnAccumulate* args);
int32_t random_fill(RnContext* ctx, const RnRandomFill* args);
int32_t unary(RnContext* ctx, const RnUnaryArgs* args);
int32_t unary_backward(RnContext* ctx, const RnUnaryBackward* args);
int32_t binary(RnContext* ctx, const RnBinaryArgs* args);
int32_t binary_backward(RnContext* ctx, const RnBinaryBackward* args);
int32_t reduce(RnContext* ctx, const RnReduceArgs* args);
int32_t reduce_backward(RnContext* ctx, const RnReduceBackward* args);
int32_t strided_copy(RnContext* ctx, const RnStridedCopy* args);
int32_t mask_time(RnContext* ctx, const RnMaskTime* args);
int32_t matmul(RnContext* ctx, const RnMatmul* args);
int32_t column_sum(RnContext* ctx, const RnColumnSum* args);
int32_t embedding(RnContext* ctx, const RnEmbedding* args);
int32_t embedding_backward(RnContext* ctx, const RnEmbeddingBackward* args);
int32_t dropout(RnContext* ctx, const RnDropout* args);
int32_t layer_norm(RnContext* ctx, const RnLayerNorm* args);
int32_t layer_norm_backward(RnContext* ctx, const RnLayerNormBackward* args);
int32_t softmax(RnContext* ctx, const RnSoftmax* args);
int32_t softmax_backward(RnContext* ctx, const RnSoftmaxBackward* args);
size_t cross_entropy_reserve(int64_t rows, int64_t features, int64_t classes, int32_t projected);
int32_t cross_entropy(RnContext* ctx, const RnLinearCrossEntropy* args);
int32_t cross_entropy_backward(RnContext* ctx, const RnLinearCrossEntropyBackward* args);
size_t recurrent_reserve(const RnRecurrentDesc* args);
int32_t recurrent(RnContext* ctx, const RnRecurrentForward* args);
int32_t recurrent_backward(RnContext* ctx, const RnRecurrentBackward* args);
int32_t attention(RnContext* ctx, const RnAttention* args);
int32_t attention_backward(RnContext* ctx, const RnAttentionBackward* args);
size_t decoder_reserve(const RnDecoderDesc* desc);
int32_t decoder(RnContext* ctx, const RnDecoderForward* args);
int32_t decoder_backward(RnContext* ctx, const RnDecoderBackward* args);
int32_t topk(RnContext* ctx, const RnTopk* args);
int32_t sample_tokens(RnContext* ctx, const RnSampleTokens* args);
int32_t global_norm(RnContext* ctx, const RnGlobalNorm* args);
int32_t optimizer_step(RnContext* ctx, const RnOptimizerStep* args);
int32_t peak(RnContext* ctx, const RnPeak* args);

}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_KERNELS_H_

// The reference backend: every op of RnBackend in double precision, as plain loops in the order of
// its formula. It defines what is right: the other backends are tested against it, and it is itself
// tested against finite differences and PyTorch. So nothing here is done for speed.
#ifndef RNNATIVE_REFERENCE_REFERENCE_H_
#define RNNATIVE_REFERENCE_REFERENCE_H_

#include "native/abi/backend.h"

namespace rnnative::reference {

int32_t fill(RnContext* context, const RnFill* args);
int32_t accumulate(RnContext* context, const RnAccumulate* args);
int32_t random_fill(RnContext* context, const RnRandomFill* args);
int32_t unary(RnContext* context, const RnUnaryArgs* args);
int32_t unary_backward(RnContext* context, const RnUnaryBackward* args);
int32_t binary(RnContext* context, const RnBinaryArgs* args);
int32_t binary_backward(RnContext* context, const RnBinaryBackward* args);
int32_t reduce(RnContext* context, const RnReduceArgs* args);
int32_t reduce_backward(RnContext* context, const RnReduceBackward* args);
int32_t strided_copy(RnContext* context, const RnStridedCopy* args);
int32_t mask_time(RnContext* context, const RnMaskTime* args);
int32_t matmul(RnContext* context, const RnMatmul* args);
int32_t column_sum(RnContext* context, const RnColumnSum* args);
int32_t embedding(RnContext* context, const RnEmbedding* args);
int32_t embedding_backward(RnContext* context, const RnEmbeddingBackward* args);
int32_t dropout(RnContext* context, const RnDropout* args);
int32_t layer_norm(RnContext* context, const RnLayerNorm* args);
int32_t layer_norm_backward(RnContext* context, const RnLayerNormBackward* args);
int32_t softmax(RnContext* context, const RnSoftmax* args);
int32_t softmax_backward(RnContext* context, const RnSoftmaxBackward* args);
size_t cross_entropy_reserve(int64_t rows, int64_t features, int64_t classes, int32_t projected);
int32_t cross_entropy(RnContext* context, const RnLinearCrossEntropy* args);
int32_t cross_entropy_backward(RnContext* context, const RnLinearCrossEntropyBackward* args);
size_t recurrent_reserve(const RnRecurrentDesc* desc);
int32_t recurrent(RnContext* context, const RnRecurrentForward* args);
int32_t recurrent_backward(RnContext* context, const RnRecurrentBackward* args);
int32_t attention(RnContext* context, const RnAttention* args);
int32_t attention_backward(RnContext* context, const RnAttentionBackward* args);
size_t decoder_reserve(const RnDecoderDesc* desc);
int32_t decoder(RnContext* context, const RnDecoderForward* args);
int32_t decoder_backward(RnContext* context, const RnDecoderBackward* args);
int32_t topk(RnContext* context, const RnTopk* args);
int32_t sample_tokens(RnContext* context, const RnSampleTokens* args);
int32_t global_norm(RnContext* context, const RnGlobalNorm* args);
int32_t optimizer_step(RnContext* context, const RnOptimizerStep* args);
int32_t peak(RnContext* context, const RnPeak* args);

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_REFERENCE_H_

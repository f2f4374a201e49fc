// The ops, each in the file of its name. They enqueue on the device's stream and answer an
// RnStatus.
#ifndef RNNATIVE_CUDA_OPS_CUH_
#define RNNATIVE_CUDA_OPS_CUH_

#include <initializer_list>

#include "native/abi/backend.h"

namespace rnnative::cuda {

int32_t fill(RnContext*, const RnFill*);
int32_t accumulate(RnContext*, const RnAccumulate*);
int32_t random_fill(RnContext*, const RnRandomFill*);
int32_t unary(RnContext*, const RnUnaryArgs*);
int32_t unary_backward(RnContext*, const RnUnaryBackward*);
int32_t binary(RnContext*, const RnBinaryArgs*);
int32_t binary_backward(RnContext*, const RnBinaryBackward*);
int32_t reduce(RnContext*, const RnReduceArgs*);
int32_t reduce_backward(RnContext*, const RnReduceBackward*);
int32_t strided_copy(RnContext*, const RnStridedCopy*);
int32_t mask_time(RnContext*, const RnMaskTime*);
int32_t matmul(RnContext*, const RnMatmul*);
int32_t column_sum(RnContext*, const RnColumnSum*);
int32_t embedding(RnContext*, const RnEmbedding*);
int32_t embedding_backward(RnContext*, const RnEmbeddingBackward*);
int32_t dropout(RnContext*, const RnDropout*);
int32_t layer_norm(RnContext*, const RnLayerNorm*);
int32_t layer_norm_backward(RnContext*, const RnLayerNormBackward*);
int32_t softmax(RnContext*, const RnSoftmax*);
int32_t softmax_backward(RnContext*, const RnSoftmaxBackward*);
size_t cross_entropy_reserve(int64_t rows, int64_t features, int64_t classes, int32_t projected);
int32_t cross_entropy(RnContext*, const RnLinearCrossEntropy*);
int32_t cross_entropy_backward(RnContext*, const RnLinearCrossEntropyBackward*);
size_t recurrent_reserve(const RnRecurrentDesc*);
int32_t recurrent(RnContext*, const RnRecurrentForward*);
int32_t recurrent_backward(RnContext*, const RnRecurrentBackward*);
int32_t attention(RnContext*, const RnAttention*);
int32_t attention_backward(RnContext*, const RnAttentionBackward*);
size_t decoder_reserve(const RnDecoderDesc*);
int32_t decoder(RnContext*, const RnDecoderForward*);
int32_t decoder_backward(RnContext*, const RnDecoderBackward*);
int32_t topk(RnContext*, const RnTopk*);
int32_t sample_tokens(RnContext*, const RnSampleTokens*);
int32_t global_norm(RnContext*, const RnGlobalNorm*);
int32_t optimizer_step(RnContext*, const RnOptimizerStep*);
int32_t peak(RnContext*, const RnPeak*);

// strided_copy of floats: an axis has as many elements, so far apart in x and in y.
struct CopyAxis {
  int64_t size, from, to;
};
int32_t copy_floats(RnContext*, std::initializer_list<CopyAxis>, const float* x, float* y,
                    bool add = false);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_OPS_CUH_

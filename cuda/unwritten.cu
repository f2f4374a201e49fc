// Ops that are not written yet.
#include <cstdio>

#include "cuda/ops.cuh"

namespace rnnative::cuda {

__attribute__((weak)) int32_t random_fill(RnContext* ctx, const RnRandomFill*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t unary(RnContext* ctx, const RnUnaryArgs*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t unary_backward(RnContext* ctx, const RnUnaryBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t binary(RnContext* ctx, const RnBinaryArgs*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t binary_backward(RnContext* ctx, const RnBinaryBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t reduce(RnContext* ctx, const RnReduceArgs*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t reduce_backward(RnContext* ctx, const RnReduceBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t strided_copy(RnContext* ctx, const RnStridedCopy*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t mask_time(RnContext* ctx, const RnMaskTime*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t matmul(RnContext* ctx, const RnMatmul*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t column_sum(RnContext* ctx, const RnColumnSum*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t embedding(RnContext* ctx, const RnEmbedding*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t embedding_backward(RnContext* ctx, const RnEmbeddingBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t dropout(RnContext* ctx, const RnDropout*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t layer_norm(RnContext* ctx, const RnLayerNorm*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t layer_norm_backward(RnContext* ctx, const RnLayerNormBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t softmax(RnContext* ctx, const RnSoftmax*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t softmax_backward(RnContext* ctx, const RnSoftmaxBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) size_t cross_entropy_reserve(int64_t, int64_t, int64_t, int32_t) {
  return 0;
}
__attribute__((weak)) int32_t cross_entropy(RnContext* ctx, const RnLinearCrossEntropy*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t cross_entropy_backward(RnContext* ctx,
                                                     const RnLinearCrossEntropyBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) size_t recurrent_reserve(const RnRecurrentDesc*) {
  return 0;
}
__attribute__((weak)) int32_t recurrent(RnContext* ctx, const RnRecurrentForward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t recurrent_backward(RnContext* ctx, const RnRecurrentBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t attention(RnContext* ctx, const RnAttention*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t attention_backward(RnContext* ctx, const RnAttentionBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) size_t decoder_reserve(const RnDecoderDesc*) {
  return 0;
}
__attribute__((weak)) int32_t decoder(RnContext* ctx, const RnDecoderForward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t decoder_backward(RnContext* ctx, const RnDecoderBackward*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t topk(RnContext* ctx, const RnTopk*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t sample_tokens(RnContext* ctx, const RnSampleTokens*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t global_norm(RnContext* ctx, const RnGlobalNorm*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t optimizer_step(RnContext* ctx, const RnOptimizerStep*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t peak(RnContext* ctx, const RnPeak*) {
  std::snprintf(ctx->error, sizeof ctx->error, "not written yet for cuda");
  return RN_ERR_UNSUPPORTED;
}

}  // namespace rnnative::cuda

// Every op once. From these rows come the members of RnBackend, the declarations of all backends
// and their tables. An op's arguments are a struct of native/abi/args; SIZE names the bytes that a
// forward op keeps for its backward.
//
// A new op is a row at the end: an older table is shorter, and struct_size tells.
#ifndef RNNATIVE_ABI_OPS_H_
#define RNNATIVE_ABI_OPS_H_

// clang-format off
#define RN_OPS(OP, SIZE) \
  OP(fill, RnFill) \
  OP(accumulate, RnAccumulate) \
  OP(random_fill, RnRandomFill) \
  OP(unary, RnUnaryArgs) \
  OP(unary_backward, RnUnaryBackward) \
  OP(binary, RnBinaryArgs) \
  OP(binary_backward, RnBinaryBackward) \
  OP(reduce, RnReduceArgs) \
  OP(reduce_backward, RnReduceBackward) \
  OP(strided_copy, RnStridedCopy) \
  OP(mask_time, RnMaskTime) \
  OP(matmul, RnMatmul) \
  OP(column_sum, RnColumnSum) \
  OP(embedding, RnEmbedding) \
  OP(embedding_backward, RnEmbeddingBackward) \
  OP(dropout, RnDropout) \
  OP(layer_norm, RnLayerNorm) \
  OP(layer_norm_backward, RnLayerNormBackward) \
  OP(softmax, RnSoftmax) \
  OP(softmax_backward, RnSoftmaxBackward) \
  SIZE(cross_entropy_reserve, int64_t rows, int64_t features, int64_t classes, int32_t projected) \
  OP(cross_entropy, RnLinearCrossEntropy) \
  OP(cross_entropy_backward, RnLinearCrossEntropyBackward) \
  SIZE(recurrent_reserve, const RnRecurrentDesc*) \
  OP(recurrent, RnRecurrentForward) \
  OP(recurrent_backward, RnRecurrentBackward) \
  OP(attention, RnAttention) \
  OP(attention_backward, RnAttentionBackward) \
  SIZE(decoder_reserve, const RnDecoderDesc*) \
  OP(decoder, RnDecoderForward) \
  OP(decoder_backward, RnDecoderBackward) \
  OP(topk, RnTopk) \
  OP(sample_tokens, RnSampleTokens) \
  OP(global_norm, RnGlobalNorm) \
  OP(optimizer_step, RnOptimizerStep) \
  OP(peak, RnPeak) \
  OP(compare, RnCompare) \
  OP(where, RnWhere) \
  OP(where_backward, RnWhereBackward) \
  OP(one_hot, RnOneHot) \
  OP(to_real, RnToReal) \
  OP(pool_time, RnPoolTime) \
  OP(pool_time_backward, RnPoolTimeBackward) \
  OP(orthogonal, RnOrthogonal) \
  SIZE(crf_reserve, int64_t time, int64_t batch, int64_t tags) \
  OP(crf, RnCrf) \
  OP(crf_backward, RnCrfBackward) \
  OP(touched_rows, RnTouchedRows) \
  OP(embed_train, RnEmbedTrain) \
  OP(pointer_losses, RnPointerLosses) \
  OP(pointer_losses_backward, RnPointerLossesBackward) \
  OP(pointer_mixture, RnPointerMixture) \
  OP(extend_beams, RnExtendBeams)
// clang-format on

#endif  // RNNATIVE_ABI_OPS_H_

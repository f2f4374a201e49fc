// Embedding, dropout, layer norm, softmax.
#ifndef RNNATIVE_ABI_ARGS_LAYERS_H_
#define RNNATIVE_ABI_ARGS_LAYERS_H_

#include "native/abi/base.h"

// y[n, :] = table[ids[n], :]. Backward: dtable (+)= rows summed per id in order of n (dense).
typedef struct RnEmbedding {
  int64_t rows, vocabulary, features;
  const int32_t* ids;
  const void* table;
  void* y;
} RnEmbedding;
typedef struct RnEmbeddingBackward {
  int64_t rows, vocabulary, features;
  const int32_t* ids;
  const void* dy;
  RnGrad dtable;
} RnEmbeddingBackward;
// What embedding's backward comes to without the rows that no id names, of several lists of ids
// one after another. touched: [capacity] the distinct ids in ascending order, then -1; sums:
// [capacity, features] the rows of dy [rows, features] summed per id in order, then zeros.
typedef struct RnIds {
  const int32_t* ids;
  int64_t count;
  int64_t none;  // an id that counts for nothing
} RnIds;
typedef struct RnTouchedRows {
  int32_t lists;
  const RnIds* ids;
  int64_t rows, vocabulary, features;
  int64_t capacity;  // at least as many as there can be distinct ids
  const void* dy;
  int32_t* touched;
  void* sums;
} RnTouchedRows;

// y (+)= x * keep / (1 - p). x: [outer, batch, inner]; sample = batch index, element = o * inner +
// i. A word w keeps its element when (w >> 8) * 2^-24 >= p. Its own backward (x = dy).
typedef struct RnDropout {
  int64_t outer, batch, inner;
  double p;
  RnRandom random;
  const void* x;
  RnGrad y;
} RnDropout;
// Ba et al. 2016: y = (x - mean) / sqrt(var + eps) * gain + bias; x: [rows, features].
// saved: [rows, 2] reals (mean, 1/sqrt(var + eps)); NULL in inference. gain, bias may be NULL.
typedef struct RnLayerNorm {
  int64_t rows, features;
  double eps;
  const void *x, *gain, *bias;
  void *y, *saved;
} RnLayerNorm;
typedef struct RnLayerNormBackward {
  int64_t rows, features;
  const void *x, *gain, *saved, *dy;
  RnGrad dx, dgain, dbias;
} RnLayerNormBackward;
// Softmax or log-softmax over the last axis of [rows, columns].
typedef struct RnSoftmax {
  int64_t rows, columns;
  int32_t log;
  const void* x;
  void* y;
} RnSoftmax;
typedef struct RnSoftmaxBackward {
  int64_t rows, columns;
  int32_t log;
  const void *y, *dy;
  RnGrad dx;
} RnSoftmaxBackward;

#endif  // RNNATIVE_ABI_ARGS_LAYERS_H_

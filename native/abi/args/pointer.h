// The mixture of a pointer-generator (See et al. 2017): words are written from a vocabulary, or
// copied from the source.
#ifndef RNNATIVE_ABI_ARGS_POINTER_H_
#define RNNATIVE_ABI_ARGS_POINTER_H_

#include "native/abi/base.h"

// Words are 0..vocabulary-1, and from there on those that the sources alone have. With s the
// logistic function, g the gate of a row and step, n the positions of its source:
//   P(w) = s(g) p(w) + s(-g) sum of weights[j] over the positions j < n with ids[j] = w
// p being the softmax over the vocabulary, 0 elsewhere. Weights and ids past a length are not read.
// Row r reads source r / (batch / sources).
typedef struct RnPointer {
  int64_t time, batch, positions, sources, vocabulary;
  const int32_t* memory_lengths;  // [sources] or NULL: all
  const int32_t* ids;             // [positions, sources]
  const void* gates;              // [time, batch]
  const void* weights;            // [time, batch, positions]: attention
} RnPointer;
// losses = -log P(targets); 0 where a target is negative. A word of the sources alone on which less
// than RN_POINTER_LEAST of the attention rests counts as if that much did.
typedef struct RnPointerLosses {
  RnPointer of;
  const int32_t* targets;  // [time, batch]
  const void* generated;   // [time, batch]: -log p(target); not read past the vocabulary
  void* losses;            // [time, batch]
} RnPointerLosses;
// Weights of less than RN_POINTER_LEAST in all take no gradient.
typedef struct RnPointerLossesBackward {
  RnPointerLosses forward;  // the same arguments; losses NULL
  const void* dlosses;      // [time, batch]
  RnGrad dgenerated, dgates, dweights;
} RnPointerLossesBackward;
// y[r, w] = log P(w). Ids outside 0..width-1, padding included: RN_ERR_INDEX.
typedef struct RnPointerMixture {
  RnPointer of;      // time is 1
  int64_t width;     // at least the vocabulary
  const void* logs;  // [batch, vocabulary]: log p
  void* y;           // [batch, width]
} RnPointerMixture;

#define RN_POINTER_LEAST 1e-37
// The gate where a source is empty, in place of the one given, which has no gradient then: all is
// written.
#define RN_POINTER_WRITTEN 1e3

#endif  // RNNATIVE_ABI_ARGS_POINTER_H_

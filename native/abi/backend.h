// The seam between rnnative and a backend: a table of C functions over plain data.
//
// `reference` (double, plain loops), `cpu` (float, one copy per instruction set) and `cuda` each
// fill one RnBackend. Nothing here owns memory, throws or uses the C++ library, so a backend may
// live in another shared library built by another compiler. All arguments have been checked by
// native/ops (shapes, dtypes, aliasing) except the values of integer tensors (ids, targets,
// lengths, argmax), which a backend checks itself and answers with RN_ERR_INDEX.
//
// `real` below means double in `reference` and float elsewhere. All tensors are dense, row-major.
// Unless a comment says otherwise no output may alias an input.
#ifndef RNNATIVE_ABI_BACKEND_H_
#define RNNATIVE_ABI_BACKEND_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RN_BACKEND_ABI 9

enum RnStatus {
  RN_OK = 0,
  RN_ERR_INDEX = 1,          // an id, target or length is out of range
  RN_ERR_OUT_OF_MEMORY = 2,  // scratch or packed weights could not be had
  RN_ERR_UNSUPPORTED = 3,    // this backend lacks the requested variant
  RN_ERR_INTERNAL = 4,
  RN_ERR_NONFINITE = 5,  // a choice would rest on logits that are NaN or infinite
  RN_ERR_DEVICE = 6,     // the device failed, in this op or one before it
};

// What an op may ask of the runtime while it runs. Valid for one call only.
typedef struct RnContext {
  uint32_t struct_size;
  int32_t threads;   // size of the team to use; constant between calls to setThreads
  const char* name;  // of the op
  void* runtime;     // passed back to the callbacks
  // Scratch memory, 64-byte aligned, uninitialised, released after the call. NULL: over the limit.
  void* (*scratch)(void* runtime, size_t bytes);
  // How many pieces of scratch the call holds, and the release of all but the first `count`, those
  // that `packed` gave included.
  size_t (*held)(void* runtime);
  void (*release)(void* runtime, size_t count);
  // The cached packed form `kind` of a weight's version. Sets *fresh to 1 when the caller must fill
  // the buffer. With weight id 0, and where versions change with every use, it is scratch.
  void* (*packed)(void* runtime, uint64_t weight_id, uint64_t weight_version, uint32_t kind,
                  size_t bytes, int32_t* fresh);
  // body(argument, i, n) on n threads at once, i = 0 being the caller; n is `threads` or what the
  // system grants. Returns when all have. Not to be nested.
  void (*parallel)(int32_t threads, void (*body)(void* argument, int32_t thread, int32_t threads),
                   void* argument);
  // Where the values of an int32 input lie in the host's memory, for a backend whose `data` does
  // not. NULL: only the device has them.
  const int32_t* (*host)(void* runtime, const int32_t* data);
  char
      error[256];  // filled by the op before it returns a status other than RN_OK; no "[op]" prefix
} RnContext;

// A parameter matrix or vector. `data` NULL: the slot is absent. `id` names its place in storage
// (0: do not cache packed forms), `version` changes whenever its contents do.
typedef struct RnWeight {
  const void* data;
  uint64_t id;
  uint64_t version;
} RnWeight;

enum RnGradMode { RN_GRAD_SKIP = 0, RN_GRAD_WRITE = 1, RN_GRAD_ADD = 2 };

// A gradient output: nothing, `data = g` or `data += g`.
typedef struct RnGrad {
  void* data;  // NULL when mode is RN_GRAD_SKIP
  int32_t mode;
} RnGrad;

// What matrix products multiply. BF16 rounds both operands to bf16 (to nearest even) and sums in
// f32; all that is stored, outputs and gradients included, stays f32. `reference` ignores it and
// computes exactly.
enum RnPrecision { RN_PRECISION_F32 = 0, RN_PRECISION_BF16 = 1 };

// Where randomness comes from: Philox4x32-10 (Salmon et al. 2011), see native/runtime/philox.h.
// Element e of sample s draws word (e & 3) of
//   philox(key, ctr = { e >> 2, lo32(sample), lo32(step),
//                       stream << 24 | (step >> 32 & 0xff) << 16 | (sample >> 32 & 0xffff) })
// with sample = sample_base + s. So a mask depends on the sample, never on the batch it sits in.
typedef struct RnRandom {
  uint64_t key;   // hash of (seed, module path)
  uint64_t step;  // training step and micro-batch
  uint64_t sample_base;
  uint32_t stream;  // 0..255; separates draws inside one op (the recurrent op adds its layer)
  uint32_t reserved;
} RnRandom;

// ---- fill, copy, random ------------------------------------------------------------------------

typedef struct RnFill {
  void* y;
  int64_t n;
  double value;
} RnFill;  // y[n] = value
typedef struct RnAccumulate {
  void* y;
  const void* x;
  int64_t n;
} RnAccumulate;  // y[n] += x[n]
enum RnDistribution { RN_UNIFORM = 0, RN_NORMAL = 1 };
// uniform: [a, b) from a word's top 24 bits as (w >> 8) * 2^-24; normal: mean a, deviation b, by
// Box-Muller from word pairs (0,1) and (2,3): u1 = ((w0 >> 8) + 1) * 2^-24, u2 = (w1 >> 8) * 2^-24,
// sqrt(-2 ln u1) * {cos, sin}(2 pi u2). Both computed in double, then rounded; sample 0.
typedef struct RnRandomFill {
  void* y;
  int64_t n;
  int32_t distribution;
  double a, b;
  RnRandom random;
} RnRandomFill;

// ---- elementwise
// ----------------------------------------------------------------------------------

enum RnUnary {
  RN_NEG,
  RN_EXP,
  RN_LOG,
  RN_SQRT,
  RN_ABS,
  RN_SQUARE,
  RN_TANH,
  RN_SIGMOID,
  RN_RELU,
  RN_AFFINE,  // a * x + b
  RN_POW,     // x ^ a
  RN_CLAMP,   // min(max(x, a), b)
  RN_UNARY_COUNT
};
typedef struct RnUnaryArgs {
  int32_t op;
  int64_t n;
  const void* x;
  void* y;
  double a, b;
} RnUnaryArgs;
// dx (+)= dy * f'(x); y is the forward result. dx may alias nothing.
typedef struct RnUnaryBackward {
  int32_t op;
  int64_t n;
  const void *x, *y, *dy;
  RnGrad dx;
  double a, b;
} RnUnaryBackward;

enum RnBinary { RN_ADD, RN_SUB, RN_MUL, RN_DIV, RN_MAXIMUM, RN_MINIMUM, RN_BINARY_COUNT };
#define RN_MAX_DIMS 8
// y = f(a, b) over `shape`; strides are in elements, 0 along broadcast axes. y is dense.
typedef struct RnBinaryArgs {
  int32_t op;
  int32_t dims;
  int64_t shape[RN_MAX_DIMS];
  int64_t a_strides[RN_MAX_DIMS], b_strides[RN_MAX_DIMS];
  const void *a, *b;
  void* y;
} RnBinaryArgs;
// da, db have the operands' own (dense) shapes: gradients are summed over broadcast axes. Ties of
// maximum/minimum split the gradient in halves, as PyTorch does.
typedef struct RnBinaryBackward {
  int32_t op;
  int32_t dims;
  int64_t shape[RN_MAX_DIMS];
  int64_t a_strides[RN_MAX_DIMS], b_strides[RN_MAX_DIMS];
  int64_t a_size, b_size;  // elements of each operand
  const void *a, *b, *dy;
  RnGrad da, db;
} RnBinaryBackward;

// ---- reduction over the middle of [outer, n, inner]
// ------------------------------------------------

enum RnReduce { RN_SUM, RN_MEAN, RN_MAX, RN_REDUCE_COUNT };
// y: [outer, inner]; argmax: int32 [outer, inner] (RN_MAX only, may be NULL; first maximum wins,
// a NaN wins over numbers). n = 0 is refused for MAX and MEAN by native/ops.
typedef struct RnReduceArgs {
  int32_t op;
  int64_t outer, n, inner;
  const void* x;
  void* y;
  int32_t* argmax;
} RnReduceArgs;
typedef struct RnReduceBackward {
  int32_t op;
  int64_t outer, n, inner;
  const int32_t* argmax;
  const void* dy;
  RnGrad dx;
} RnReduceBackward;

// ---- shape
// -----------------------------------------------------------------------------------------

// y[i...] (+)= x through strides, both sides over `shape`: permute, slice, concat (a call per
// input) and their gradients. element_size 4 or 8; `add` needs a real dtype.
typedef struct RnStridedCopy {
  int32_t dims;
  int32_t element_size;
  int32_t add;
  int64_t shape[RN_MAX_DIMS];
  int64_t x_strides[RN_MAX_DIMS], y_strides[RN_MAX_DIMS];
  const void* x;
  void* y;  // already offset to their first element
} RnStridedCopy;
// y[t, b, :] = t < lengths[b] ? x[t, b, :] : 0. Padded x is not read. Its gradient is itself.
typedef struct RnMaskTime {
  int64_t time, batch, features;
  const int32_t* lengths;
  const void* x;
  RnGrad y;
} RnMaskTime;

// ---- matrix products
// --------------------------------------------------------------------------------

// c[g] (+)= op(a[g]) * op(b[g]) (+ bias over columns), g < groups.
// a: [groups, M, K] ([K, M] if trans_a); b: [groups, K, N] ([N, K] if trans_b); c: [groups, M, N].
// weight_b: b is a parameter whose packed form may be cached (groups = 1), else id 0.
typedef struct RnMatmul {
  int64_t groups, m, n, k;
  int32_t trans_a, trans_b;
  const void* a;
  RnWeight b;
  const void* bias;  // bias: [N] or NULL
  RnGrad c;
  int32_t precision;  // RnPrecision; of the product, not of the bias
} RnMatmul;
// y (+)= column sums of x: [rows, columns] -> [columns]. Bias gradients.
typedef struct RnColumnSum {
  int64_t rows, columns;
  const void* x;
  RnGrad y;
} RnColumnSum;

// ---- embedding
// --------------------------------------------------------------------------------------

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

// ---- dropout, layer norm, softmax
// --------------------------------------------------------------------

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

// ---- cross-entropy fused with the output projection
// -----------------------------------------------------

// logits = x W^T + b (or x itself when weight.data is NULL: then features == classes), in f32, with
// the product and those of the gradients (dx, dweight) in `precision`.
// With p = softmax(logits), y = target, w = class weights (1 if NULL), s = label smoothing:
//   losses[n] = (1 - s) * w[y] * -log p[y] + s / classes * sum_c w[c] * -log p[c];  weights[n] =
//   w[y]
// Both are 0 where y == ignore_index. (PyTorch's cross_entropy, 'none'; its mean is
// sum(losses) / sum(weights).) Other targets outside 0..classes-1: RN_ERR_INDEX.
typedef struct RnLinearCrossEntropy {
  int64_t rows, features, classes;
  const void* x;              // [rows, features]
  RnWeight weight;            // [classes, features] or absent
  const void* bias;           // [classes] or NULL
  const int32_t* targets;     // [rows]
  const void* class_weights;  // [classes] or NULL
  int64_t ignore_index;       // a value outside 0..classes-1 that no target has: nothing is ignored
  double label_smoothing;
  int32_t precision;  // RnPrecision
  void* losses;       // [rows]
  void* weights;      // [rows]
  void* reserve;      // cross_entropy_reserve bytes for backward; NULL in inference
} RnLinearCrossEntropy;
typedef struct RnLinearCrossEntropyBackward {
  RnLinearCrossEntropy forward;  // the same arguments; losses and weights NULL
  const void* dlosses;           // [rows]
  RnGrad dx, dweight, dbias;     // dweight, dbias skipped when absent
} RnLinearCrossEntropyBackward;

// ---- the recurrent stack
// ----------------------------------------------------------------------------------

// Gate order is PyTorch's. G = gates per unit.
//   RNN (G = 1): h' = f(W x + b_ih + R h + b_hh), f = tanh or relu
//   LSTM (G = 4, rows i f g o): c' = f c + i g; h' = o tanh(c')
//   GRU (G = 3, rows r z n): n = tanh(W x + b_in + r * (R h + b_hn)); h' = (1 - z) n + z h
//   GRU_RESET_BEFORE: n = tanh(W x + b_in + R (r * h) + b_hn)    (Cho et al. 2014)
enum RnCell { RN_RNN_TANH, RN_RNN_RELU, RN_LSTM, RN_GRU, RN_GRU_RESET_BEFORE, RN_CELL_COUNT };

// One step of one layer and direction is a row of phases: state prologue (masks: zoneout, recurrent
// dropout) -> GEMM -> row reduction (layer norm) -> cell -> second GEMM (projection, reset before).
// A NULL slot leaves its phase out. Later cells add slots (peephole, projection, layer-norm gain
// and bias) at the end of RnRecurrentSlots; struct_size in the table tells an older backend apart.
typedef struct RnRecurrentSlots {
  // [G*H, in], in = I for layer 0, else directions*H. Absent in every direction of layer 0 of
  // `recurrent`: then x holds what W x would be, the directions side by side, I = directions*G*H.
  RnWeight w_ih;
  RnWeight w_hh;  // [G*H, H]
  RnWeight b_ih;  // [G*H] or absent
  RnWeight b_hh;  // [G*H] or absent
} RnRecurrentSlots;
typedef struct RnRecurrentSlotGrads {
  RnGrad w_ih, w_hh, b_ih, b_hh;
} RnRecurrentSlotGrads;

typedef struct RnRecurrentDesc {
  int32_t cell, layers, directions;  // directions: 1, or 2 (the second runs backward in time)
  int32_t training;                  // 1: reserve is filled for backward
  int64_t time, batch, input, hidden;
  double dropout;     // between layers, on every layer's output but the last; 0 in inference
  RnRandom random;    // layer l draws from stream + l; element = t * (directions*H) + f of sample b
  int32_t precision;  // RnPrecision, of every product of the stack; states and gates stay f32
} RnRecurrentDesc;

// Ragged batches: row b has steps 0 .. lengths[b]-1; the backward direction starts at its last real
// step. Padded x (and dy) is never read; padded y (and dx) is exactly zero. A row of length 0
// passes its initial state through. Final states are those after each row's own last step.
typedef struct RnRecurrentForward {
  RnRecurrentDesc desc;
  const RnRecurrentSlots* slots;  // [layers * directions], layer-major
  const int32_t* lengths;         // [B] or NULL: all T
  const void* x;                  // [T, B, I]
  const void *h0, *c0;            // [layers*directions, B, H] or NULL: zeros (c0: LSTM only)
  void* y;                        // [T, B, directions*H]
  void *hn, *cn;                  // [layers*directions, B, H]; cn NULL unless LSTM
  void* reserve;                  // recurrent_reserve bytes; NULL in inference
} RnRecurrentForward;
typedef struct RnRecurrentBackward {
  RnRecurrentDesc desc;
  const RnRecurrentSlots* slots;
  const int32_t* lengths;
  const void *x, *h0, *c0;  // as in forward
  const void* reserve;
  const void *dy, *dhn, *dcn;          // each may be NULL: zero
  RnGrad dx, dh0, dc0;                 // dc0 skipped unless LSTM
  const RnRecurrentSlotGrads* dslots;  // [layers * directions]
} RnRecurrentBackward;

// ---- attention
// --------------------------------------------------------------------------------

// How a query q is scored against a key k, both already projected to A features.
//   ADDITIVE: v . tanh(q + k) (Bahdanau et al. 2015; Luong et al. 2015 call it concat)
//   DOT: q . k   SCALED_DOT: q . k / sqrt(A) (Vaswani et al. 2017)
enum RnScore { RN_SCORE_ADDITIVE, RN_SCORE_DOT, RN_SCORE_SCALED_DOT, RN_SCORE_COUNT };
typedef struct RnAttentionDesc {
  int32_t score;
  int64_t queries, keys, batch;  // Tq, Tk, B
  int64_t features, width;       // A, V
} RnAttentionDesc;
// weights[i, b, :] = softmax over the keys j < memory_lengths[b] of the scores of query i, zero
// past them; context[i, b] = sum_j weights[i, b, j] values[j, b]. Queries from query_lengths[b] on
// get zeros. So does every query where memory_lengths[b] is 0. What lies past a length is never
// read, and its gradient is zero.
typedef struct RnAttention {
  RnAttentionDesc desc;
  const int32_t *query_lengths, *memory_lengths;  // [B] or NULL: all
  const void* queries;                            // [Tq, B, A]
  const void* keys;                               // [Tk, B, A]
  const void* values;                             // [Tk, B, V]
  const void* v;                                  // [A]; NULL unless ADDITIVE
  void* context;                                  // [Tq, B, V]
  void* weights;                                  // [Tq, B, Tk]
} RnAttention;
typedef struct RnAttentionBackward {
  RnAttention forward;  // the same arguments; context NULL, weights as forward left them
  const void *dcontext, *dweights;      // shaped as their outputs; each may be NULL: zero
  RnGrad dqueries, dkeys, dvalues, dv;  // dv skipped unless ADDITIVE
} RnAttentionBackward;

// ---- the attentional decoder
// --------------------------------------------------------------------------------

// What each step is fed beside its input x_t, and where it attends.
//   CONTEXT (Bahdanau et al. 2015): the query is the top layer's state before the step; its context
//     c_t is fed to the first layer of the same step. Output: the top layer's h_t, and c_t.
//   OUTPUT (Luong et al. 2015, input feeding): the query is the top layer's h_t, and the output
//     h~_t = tanh(W_out [c_t; h_t] + b_out), after dropout, is fed to the next step.
enum RnFeeding { RN_FEED_CONTEXT, RN_FEED_OUTPUT, RN_FEED_COUNT };

typedef struct RnDecoderDesc {
  // The layers: directions is 1, input is E + F, F being the features fed (V or D). The output
  // h~ is dropped as by layer `layers - 1`: element = t * D + f.
  RnRecurrentDesc stack;
  int32_t score, feeding;
  int64_t input;                  // E: features of x
  int64_t keys, features, width;  // Tk, A, V
  int64_t output;                 // D with OUTPUT, else 0
  // Rows of the batch that share a row of the memory, as the hypotheses of a beam do: row b reads
  // memory row b / beams. 1 where training.
  int64_t beams;
} RnDecoderDesc;
typedef struct RnDecoderForward {
  RnDecoderDesc desc;
  const RnRecurrentSlots* slots;  // [layers]; w_ih of layer 0: [G*H, E + F], x first
  RnWeight w_query;               // [A, H]; absent: the query is the state itself, and A = H
  RnWeight v;                     // [A]; absent unless ADDITIVE
  RnWeight w_out, b_out;          // [D, V + H], [D] or absent; absent unless OUTPUT
  const int32_t* lengths;         // [B] or NULL: all T
  const int32_t* memory_lengths;  // [B / beams] or NULL: all Tk
  const void* x;                  // [T, B, E]
  const void* keys;               // [Tk, B / beams, A]
  const void* values;             // [Tk, B / beams, V]
  const void *h0, *c0;            // [layers, B, H] or NULL: zeros (c0: LSTM only)
  const void* fed0;               // [B, D] or NULL: zeros (OUTPUT only)
  void* y;                        // [T, B, H], or [T, B, D] with OUTPUT
  void* context;                  // [T, B, V]; NULL with OUTPUT
  void* weights;                  // [T, B, Tk]
  void *hn, *cn;                  // [layers, B, H]; cn NULL unless LSTM
  void* fedn;                     // [B, D]; NULL unless OUTPUT
  void* reserve;                  // decoder_reserve bytes; NULL in inference
} RnDecoderForward;
typedef struct RnDecoderBackward {
  RnDecoderForward forward;  // the same arguments, weights and reserve as forward left them (only
                             // read); other outputs NULL
  const void *dy, *dcontext, *dweights;  // each may be NULL: zero
  const void *dhn, *dcn, *dfedn;         // likewise
  RnGrad dx, dkeys, dvalues, dh0, dc0, dfed0;
  const RnRecurrentSlotGrads* dslots;  // [layers]
  RnGrad dw_query, dv, dw_out, db_out;
} RnDecoderBackward;

// ---- choosing continuations
// ------------------------------------------------------------------------------------

// What is added to the score of token `tokens[i]` after row `rows[i]`; -inf forbids it.
typedef struct RnPenalties {
  int64_t count;                 // P
  const int32_t *rows, *tokens;  // [P]
  const void* values;            // [P]
} RnPenalties;

// The k best continuations of each sentence's hypotheses, best first. After row r, token w scores
//   scores[r] + log-softmax(logits[r])[w] + the penalties given for (r, w).
// Of equals the one with the lower index comes first. Those that score -inf or NaN are left out,
// all of a row that has -inf itself among them (whose logits are not read): index -1, score -inf.
// Logits of another row that are NaN or +inf, or all -inf: RN_ERR_NONFINITE.
typedef struct RnTopk {
  int64_t groups, beams, vocabulary, k;  // beams * vocabulary < 2^31, k at most that
  const void* logits;                    // [groups * beams, vocabulary]
  const void* scores;                    // [groups * beams]
  RnPenalties penalties;
  int32_t* indices;  // [groups, k] beam * vocabulary + token
  void* best;        // [groups, k]
} RnTopk;

// A token of each row: given[r] unless that is -1; else one chosen by the scores
//   s[w] = logits[r, w] + the penalties given for (r, w).
// With temperature 0 it is the likeliest. Else it is drawn with probabilities in proportion to
// exp(s / temperature), among the top_k likeliest and of them among the fewest likeliest that
// together have top_p of their probability (at least); of equals the lower token is the likelier.
// With a the sum of the weights left, it is the first, in order of tokens, at which their running
// sum exceeds u a, u = (words[r, 0] << 21 | words[r, 1] >> 11) * 2^-53.
// A row's choice does not depend on the others. Logits of a row without a given token that are NaN
// or +inf, or scores that are all -inf: RN_ERR_NONFINITE.
typedef struct RnSampleTokens {
  int64_t rows, vocabulary;
  int64_t top_k;          // 1..vocabulary
  double top_p;           // above 0; 1: no limit
  double temperature;     // at least 0
  const void* logits;     // [rows, vocabulary]
  const int32_t* given;   // [rows] or NULL: all -1
  const uint32_t* words;  // [rows, 2]; NULL with temperature 0
  RnPenalties penalties;
  int32_t* tokens;          // [rows]
  void* log_probabilities;  // [rows] log-softmax(logits[r])[tokens[r]], whatever the temperature
} RnSampleTokens;

// ---- optimizers over flat arenas
// ------------------------------------------------------------------------------

// norm[0] = sqrt(sum of squares), summed in double in an order that depends on n only.
// `arenas` ranges are summed in order.
typedef struct RnGlobalNorm {
  int32_t arenas;
  const void* const* g;
  const int64_t* n;
  void* norm;
} RnGlobalNorm;
enum RnOptimizer { RN_SGD, RN_ADAM, RN_ADAMW, RN_RMSPROP, RN_ADAGRAD, RN_OPTIMIZER_COUNT };
// The update of torch.optim with the same names. The gradient is first multiplied by
// min(1, clip_norm / (norm + 1e-6)) when clip_norm > 0. If norm is given and not finite, nothing
// changes: neither parameter nor state. Element i of param, grad and the states belong together.
typedef struct RnOptimizerStep {
  int32_t kind;
  int64_t n;
  void* param;
  const void* grad;
  void* state[3];    // SGD: momentum buffer if momentum != 0; ADAM(W): m, v; RMSPROP: v, [buf],
                     // [avg]; ADAGRAD: sum
  const void* norm;  // scalar or NULL
  double clip_norm;  // 0: no clipping
  double lr, weight_decay, momentum, dampening, beta1, beta2, eps, alpha, lr_decay;
  int32_t nesterov, centered;
  int64_t step;  // 1 for the first update (bias correction, Adagrad's decay, momentum's first step)
} RnOptimizerStep;

// ---- measurement
// ------------------------------------------------------------------------------

// gflops[0] = f32 multiply-adds in registers on ctx->threads threads, over about `seconds`, as
// 10^9 operations a second (two per multiply-add).
typedef struct RnPeak {
  void* gflops;
  double seconds;
} RnPeak;

// ---- the table
// -------------------------------------------------------------------------------------------------

typedef struct RnBackend {
  uint32_t abi;          // RN_BACKEND_ABI
  uint32_t struct_size;  // sizeof(RnBackend)
  const char* name;      // "reference", "generic", "avx2", "avx512", "avx512bf16", "neon",
                         // "cuda"
  int32_t real_bytes;    // 8 in reference, else 4
  int32_t reserved;

  int32_t (*fill)(RnContext*, const RnFill*);
  int32_t (*accumulate)(RnContext*, const RnAccumulate*);
  int32_t (*random_fill)(RnContext*, const RnRandomFill*);
  int32_t (*unary)(RnContext*, const RnUnaryArgs*);
  int32_t (*unary_backward)(RnContext*, const RnUnaryBackward*);
  int32_t (*binary)(RnContext*, const RnBinaryArgs*);
  int32_t (*binary_backward)(RnContext*, const RnBinaryBackward*);
  int32_t (*reduce)(RnContext*, const RnReduceArgs*);
  int32_t (*reduce_backward)(RnContext*, const RnReduceBackward*);
  int32_t (*strided_copy)(RnContext*, const RnStridedCopy*);
  int32_t (*mask_time)(RnContext*, const RnMaskTime*);
  int32_t (*matmul)(RnContext*, const RnMatmul*);
  int32_t (*column_sum)(RnContext*, const RnColumnSum*);
  int32_t (*embedding)(RnContext*, const RnEmbedding*);
  int32_t (*embedding_backward)(RnContext*, const RnEmbeddingBackward*);
  int32_t (*dropout)(RnContext*, const RnDropout*);
  int32_t (*layer_norm)(RnContext*, const RnLayerNorm*);
  int32_t (*layer_norm_backward)(RnContext*, const RnLayerNormBackward*);
  int32_t (*softmax)(RnContext*, const RnSoftmax*);
  int32_t (*softmax_backward)(RnContext*, const RnSoftmaxBackward*);
  size_t (*cross_entropy_reserve)(int64_t rows, int64_t features, int64_t classes,
                                  int32_t projected);
  int32_t (*cross_entropy)(RnContext*, const RnLinearCrossEntropy*);
  int32_t (*cross_entropy_backward)(RnContext*, const RnLinearCrossEntropyBackward*);
  size_t (*recurrent_reserve)(const RnRecurrentDesc*);
  int32_t (*recurrent)(RnContext*, const RnRecurrentForward*);
  int32_t (*recurrent_backward)(RnContext*, const RnRecurrentBackward*);
  int32_t (*attention)(RnContext*, const RnAttention*);
  int32_t (*attention_backward)(RnContext*, const RnAttentionBackward*);
  size_t (*decoder_reserve)(const RnDecoderDesc*);
  int32_t (*decoder)(RnContext*, const RnDecoderForward*);
  int32_t (*decoder_backward)(RnContext*, const RnDecoderBackward*);
  int32_t (*topk)(RnContext*, const RnTopk*);
  int32_t (*sample_tokens)(RnContext*, const RnSampleTokens*);
  int32_t (*global_norm)(RnContext*, const RnGlobalNorm*);
  int32_t (*optimizer_step)(RnContext*, const RnOptimizerStep*);
  int32_t (*peak)(RnContext*, const RnPeak*);
} RnBackend;

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RNNATIVE_ABI_BACKEND_H_

// The recurrent stack, and the attentional decoder around one.
#ifndef RNNATIVE_ABI_ARGS_RECURRENT_H_
#define RNNATIVE_ABI_ARGS_RECURRENT_H_

#include "native/abi/base.h"
#include "native/abi/cells.h"

// The parameters of a layer and direction by RnSlot: W_IH [G*H, in], in = I for layer 0, else
// directions*P; W_HH [G*H, P]; B_IH, B_HH [G*H] or absent; W_HR [P, H] where P < H, else absent;
// P_I, P_F, P_O [H] or absent, which c (of P_O: c') is multiplied by and added to the sum of its
// gate; with layer norm N_IH, N_HH [G*H], N_C, N_C_BIAS [H], else absent. W_IH is absent in every
// direction of layer 0 of `recurrent` where x holds what W x would be, the directions side by side,
// I = directions*G*H.
typedef struct RnRecurrentSlots {
  RnWeight slot[RN_SLOT_COUNT];
} RnRecurrentSlots;
typedef struct RnRecurrentSlotGrads {
  RnGrad slot[RN_SLOT_COUNT];
} RnRecurrentSlotGrads;

// One step of one layer and direction is a row of phases, those of its cell (a product with R and
// what follows it, once or twice) and those of RN_PHASES that `phases` names. A way of running a
// layer says which it can; where none of a backend's can, the op is refused with
// RN_ERR_UNSUPPORTED.
//   STATE_DROPOUT, probability p (Gal & Ghahramani 2016): R is applied to m v in place of v, which
//     is the state h before the step, or r h where a GRU's reset gate comes before the product. So
//     r and z of a GRU_RESET_BEFORE see R (m h) and its candidate R (r m h). What a cell does with
//     h itself, as z h of a GRU, is not masked. m, one mask for all steps of a sequence, is 0 or
//     1 / (1 - p): element (layer * directions + direction) * P + feature of h of sample b, kept as
//     by RnDropout.
//   ZONEOUT_HIDDEN, ZONEOUT_CELL, probability p (Krueger et al. 2017): what the cell makes of h
//   (its
//     projection, where there is one), or of c, is not the state after the step, but m times the
//     state before and 1 - m times that. Where phases draw, m is 1 or 0: 1 where dropout would drop
//     element (t * layers * directions + layer * directions + direction) * P + feature of h, or the
//     same with H and the unit of c, of sample b. Else it is p. The output and later steps see the
//     state; the cell's own h' comes from its own c'.
// Phase i draws from stream + layers + i.
//
// Layer norm (Ba et al. 2016), of a cell whose row says so: with L(v; g) = g (v - mean v) /
// sqrt(var v + RN_NORM_EPSILON) over the sums of one sample, W x and what R makes are L(W x; N_IH)
// and L(R h; N_HH) before biases are added, the first `normed` gates together and the rest
// together; and what the output sees of c', not the state nor the peephole of o, is L(c'; N_C) +
// N_C_BIAS.
typedef struct RnRecurrentDesc {
  int32_t cell, layers, directions;  // directions: 1, or 2 (the second runs backward in time)
  int32_t training;                  // 1: reserve is filled for backward
  int64_t time, batch, input, hidden;
  // P: features of h, and so of what R is applied to. H, or fewer (Sak et al. 2014): then a step
  // ends with h' = W_HR (what the cell made). A cell with a c only.
  int64_t state;
  double dropout;     // between layers, on every layer's output but the last; 0 in inference
  RnRandom random;    // layer l draws from stream + l; element = t * (directions*P) + f of sample b
  int32_t precision;  // RnPrecision, of every product of the stack; states and gates stay f32
  int32_t norm;       // 1: layer norm
  int32_t phases;     // 1 << RnPhase of each whose amount is not 0
  double amounts[RN_PHASE_COUNT];
  int32_t draws;          // 1: phases draw; 0: they are as they are expected to be, in inference
  RnCellOptions options;  // of a cell that has them
} RnRecurrentDesc;

// The stream of a phase, to be added to random.stream.
static inline uint32_t rn_phase_stream(const RnRecurrentDesc* desc, int32_t phase) {
  return (uint32_t)(desc->layers + phase);
}
// Of zoneout: how wide its state is, and the element of the first of a layer and direction, `run`
// among all, at time t.
static inline int64_t rn_zoneout_width(const RnRecurrentDesc* desc, int32_t phase) {
  return phase == RN_PHASE_ZONEOUT_HIDDEN ? desc->state : desc->hidden;
}
static inline int64_t rn_zoneout_element(const RnRecurrentDesc* desc, int32_t phase, int64_t t,
                                         int64_t run) {
  return (t * desc->layers * desc->directions + run) * rn_zoneout_width(desc, phase);
}

// Ragged batches: row b has steps 0 .. lengths[b]-1; the backward direction starts at its last real
// step. Padded x (and dy) is never read; padded y (and dx) is exactly zero. A row of length 0
// passes its initial state through. Final states are those after each row's own last step.
typedef struct RnRecurrentForward {
  RnRecurrentDesc desc;
  const RnRecurrentSlots* slots;  // [layers * directions], layer-major
  const int32_t* lengths;         // [B] or NULL: all T
  const void* x;                  // [T, B, I]
  // h [layers*directions, B, P] and c [.., H]. h0, c0 may be NULL: zeros; c0, cn: with a c only.
  const void *h0, *c0;
  void* y;  // [T, B, directions*P]
  void *hn, *cn;
  void* reserve;  // recurrent_reserve bytes; NULL in inference
} RnRecurrentForward;
typedef struct RnRecurrentBackward {
  RnRecurrentDesc desc;
  const RnRecurrentSlots* slots;
  const int32_t* lengths;
  const void *x, *h0, *c0;  // as in forward
  const void* reserve;
  const void *dy, *dhn, *dcn;          // each may be NULL: zero
  RnGrad dx, dh0, dc0;                 // dc0 skipped without a c
  const RnRecurrentSlotGrads* dslots;  // [layers * directions]
} RnRecurrentBackward;

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
  const RnRecurrentSlots* slots;  // [layers]; W_IH of layer 0: [G*H, E + F], x first
  RnWeight w_query;               // [A, P]; absent: the query is h itself, and A = P
  RnWeight v;                     // [A]; absent unless ADDITIVE
  RnWeight w_out, b_out;          // [D, V + P], [D] or absent; absent unless OUTPUT
  const int32_t* lengths;         // [B] or NULL: all T
  const int32_t* memory_lengths;  // [B / beams] or NULL: all Tk
  const void* x;                  // [T, B, E]
  const void* keys;               // [Tk, B / beams, A]
  const void* values;             // [Tk, B / beams, V]
  const void *h0, *c0;            // [layers, B, P], [.., H] or NULL: zeros (c0: with a c only)
  const void* fed0;               // [B, D] or NULL: zeros (OUTPUT only)
  void* y;                        // [T, B, P], or [T, B, D] with OUTPUT
  void* context;                  // [T, B, V]; NULL with OUTPUT
  void* weights;                  // [T, B, Tk]
  void *hn, *cn;                  // as h0, c0; cn NULL without a c
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

#endif  // RNNATIVE_ABI_ARGS_RECURRENT_H_

// One layer of the recurrent stack, all directions, over all steps: what remains between the
// products that need no order in time. Before the steps, recurrent.cu forms W x + b_ih of all
// tokens in one product; after those of the backward pass it forms the gradients of W, R, the
// biases and x from dgates. Between them are several ways to run the steps (tiers), which share
// everything here, so that the backward pass of one may follow the forward pass of another:
//   persistent (persistent/*.cu): R stays on chip for the whole sequence;
//   stepwise (stepwise/*.cu): a product and a kernel of gate math a step, for any size.
//
// N packed rows (sequence.cuh), D directions, G gates, S slots kept per unit (cells.cuh).
// Direction 0 visits t = 0 .. T-1, direction 1 t = T-1 .. 0; at time t only rows i < active(t) take
// part, so row i starts at t = 0 or at t = length(i) - 1, from h0. Arrays by packed row hold all
// directions of h side by side, but gates of one direction after those of the other.
// In BF16 the operands of every product with R (R itself, h, r h, and the gradients of its result)
// are rounded to bf16, to nearest even; sums, gates, h and c are f32 and not rounded.
#ifndef RNNATIVE_CUDA_RECURRENT_LAYER_CUH_
#define RNNATIVE_CUDA_RECURRENT_LAYER_CUH_

#include "cuda/recurrent/cells.cuh"
#include "cuda/recurrent/phases/state_dropout.cuh"
#include "cuda/recurrent/phases/zoneout.cuh"

namespace rnnative::cuda {

// Layer norm of a direction (RnRecurrentDesc): gains, and the bias of c.
struct NormWeights {
  const float *ih, *hh, *c, *c_bias;  // [G*H], [G*H], [H], [H]; the last two null without a c
};

struct Layer {
  int32_t cell;       // RnCell
  int32_t precision;  // RnPrecision
  int64_t directions, hidden;
  int64_t state;  // P: features of h, H unless it is projected
  const Sequence* sequence;
  RnWeight w_hh[2];      // [G*H, P] of each direction
  RnWeight w_hr[2];      // [P, H], or absent
  const float* b_ih[2];  // [G*H] or null: the steps add both biases, which takes no pass of its own
  const float* b_hh[2];  // [G*H] or null
  // Initial states h [D, B, P] and c [D, B, H] by row of the caller's batch, or null: zeros. c0:
  // LSTM only.
  const float *h0, *c0;
  CellVariant variant[2];  // of each direction
  bool norm;
  NormWeights norms[2];
  int32_t phases;  // RnRecurrentDesc's
  StateDropout state_dropout;
  Zoneout zoneout;
};

struct LayerForward {
  Layer layer;
  bool training;
  // [D, N, S*H], slot s of unit j at column s * H + j. In: W x, without bias, in the first G*H
  // columns. Out, in training: the cell's slots. Else what is left there means nothing.
  float* gates;
  float* h;     // [N, D*P] of every step
  float* c;     // [N, D*H] of every step; null unless LSTM in training
  float* made;  // [N, D*H] what h is projected from; null unless it is, in training
  // With layer norm, in training: [D, N, G*H] W x and R h normalised, before their gains, and what
  // each row's blocks of gates were multiplied by, [D, N, 4]; else null.
  float *x_hat, *h_hat, *scales;
  // h [D, B, P] and c [D, B, H] after each row's last step, by row of the caller's batch; of rows
  // of length 0 the initial ones. cn null unless LSTM.
  float *hn, *cn;
};

struct LayerBackward {
  Layer layer;
  const float *gates, *h, *c, *made;  // as forward left them
  const float *x_hat, *h_hat, *scales;
  const float* dy;         // [N, D*P] or null: zero
  const float *dhn, *dcn;  // as hn, cn, or null: zero
  // [D, N, S*H] out: gradients of W x in the first G*H columns. GRU's fourth slot gets that
  // of R_n h + b_hn.
  float* dgates;
  // With layer norm, out: [D, N, S*H] gradients of W x and of R h as they were before it, and [D,
  // N, H] of what the output sees of c, and that times c as it was normalised; else null.
  float *raw_x, *raw_h, *dseen, *dseen_hat;
  float* dstate;    // [N, D*P] out: the gradients of h where that is projected; else null
  RnGrad dh0, dc0;  // as h0, c0

  // [D, N, S*H] of W x.
  float* dinputs() const { return raw_x ? raw_x : dgates; }
};

// The phases that each tier can.
constexpr int32_t kPersistentPhases = 0;
constexpr int32_t kStepwisePhases =
    1 << RN_PHASE_STATE_DROPOUT | 1 << RN_PHASE_ZONEOUT_HIDDEN | 1 << RN_PHASE_ZONEOUT_CELL;

// `ran` false: nothing was done, since R does not fit on chip, a product a step is faster, or a
// phase, or a projection, is not this tier's.
int32_t persistent_forward(RnContext* ctx, const LayerForward& layer, bool* ran);
int32_t persistent_backward(RnContext* ctx, const LayerBackward& layer, bool* ran);

// For any size.
int32_t stepwise_forward(RnContext* ctx, const LayerForward& layer);
int32_t stepwise_backward(RnContext* ctx, const LayerBackward& layer);

// Persistent where that runs; RN_ERR_UNSUPPORTED where neither can.
int32_t forward_steps(RnContext* ctx, const LayerForward& layer);
int32_t backward_steps(RnContext* ctx, const LayerBackward& layer);

// States [D, B, width] between the caller's order of rows and the sorted one; `from` null: zeros.
int32_t sort_states(RnContext* ctx, const Layer& layer, int64_t width, const float* from,
                    float* sorted);
int32_t unsort_states(RnContext* ctx, const Layer& layer, int64_t width, const float* sorted,
                      const RnGrad& to);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_LAYER_CUH_

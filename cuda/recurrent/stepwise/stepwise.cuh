// The stepwise tier as its users run it: all steps of a layer of the stack (layer.cuh), or those of
// the decoder's layers, one at a time. A step is one phase of the cell or two: a product with a
// part of R, and an update of each unit by its sums.
//
// Rows are the sequence's: packed, dense, or in place, which is how the decoder has ragged batches.
// In place, arrays get zeros for rows that have no such step, and their states stay as they were.
//
// `skinny` lets few rows take a kernel of their own (skinny.cuh). It adds up in another order than
// a GEMM: without it, what a row comes to does not depend on how many others there are.
#ifndef RNNATIVE_CUDA_RECURRENT_STEPWISE_STEPWISE_CUH_
#define RNNATIVE_CUDA_RECURRENT_STEPWISE_STEPWISE_CUH_

#include <intrinsics.cuh>

#include "cuda/gemm/operand.cuh"
#include "cuda/gemm/rounded.cuh"
#include "cuda/recurrent/cells.cuh"
#include "cuda/recurrent/dropout.cuh"
#include "cuda/recurrent/layer.cuh"

namespace rnnative::cuda {

// An array [D, B, columns] that updates write and products read: f32, or bf16 with padded rows.
struct StepOperand {
  float* values = nullptr;      // f32 only
  uint16_t* rounded = nullptr;  // BF16 only
  int64_t ld = 0, batch = 0;

  int32_t allocate(RnContext* ctx, const Layer& layer, int64_t columns) {
    batch = layer.sequence->rows.batch;
    const bool bf16 = layer.precision == RN_PRECISION_BF16;
    ld = bf16 ? bf16_ld(columns) : columns;
    const int64_t n = layer.directions * batch * ld;
    if (bf16)
      rounded = scratch_of<uint16_t>(ctx, n);
    else
      values = scratch_of<float>(ctx, n);
    return rounded == nullptr && values == nullptr ? RN_ERR_OUT_OF_MEMORY : RN_OK;
  }
  int32_t clear(RnContext* ctx, int64_t directions) const {
    const size_t bytes = static_cast<size_t>(directions * batch * ld) * (rounded ? 2 : 4);
    void* data = rounded ? static_cast<void*>(rounded) : values;
    return check(ctx, cudaMemsetAsync(data, 0, bytes, device().stream));
  }
  Operand operand() const {
    if (rounded != nullptr) return {rounded, true, ld};
    return {values, false, ld};
  }
  int64_t group() const { return batch * ld; }

  __device__ void put(int64_t d, int64_t i, int64_t column, float value) const {
    const int64_t at = (d * batch + i) * ld + column;
    if (rounded != nullptr)
      rounded[at] = static_cast<uint16_t>(pack_bf16(value, 0.0f));
    else
      values[at] = value;
  }
};

// A part of R of each direction, [outputs, summands], or [summands, outputs] unless `transposed`.
struct StepWeights {
  Operand w[2];
  bool transposed = true;
};

struct StepProduct {
  const StepOperand* operand = nullptr;  // null: the sums are zero
  StepWeights weights;
  int64_t k = 0, rows = 0;  // summands; the first rows of the sorted batch
  int64_t outputs = 0;      // sums of a group: H or P
  bool skinny = false;
  float* sums = nullptr;  // [D, B, groups*H] unless skinny
};

// What else a forward step makes of the state, for a sequence of one direction with its rows in
// place: [B, H] of this step, rows `stride` apart; null: not wanted.
struct StateCopy {
  float* data = nullptr;
  int64_t stride = 0;
};
struct StateCopies {
  StateCopy plain[2], dropped;
  DropoutMask dropout;                     // element t * H + j of sample b
  Rounded plain_rounded, dropped_rounded;  // of plain[0]
};
// What a backward step of such a sequence reads beside dy, and where else it puts its gradients.
struct StateGradient {
  const float* data = nullptr;  // [B, H] of this step; null: zero
  int64_t stride = 0;
};
struct StepGradients {
  StateGradient above[2];
  DropoutMask dropout;  // of above[0]
  Rounded dgates;       // [B, G*H] of W x
};

struct ForwardStep {
  static constexpr int kMostTiles = 4;
  Rows rows;
  int64_t hidden, state;         // H, P
  int64_t width, units;          // D*P, D*H
  int64_t gate_row, gate_group;  // S*H, N*S*H
  bool projects;                 // what the cell makes is not h yet
  int64_t step;                  // direction 0 is at time `step`, direction 1 at T - 1 - step
  bool training;
  const float *b_ih[2], *b_hh[2];
  CellVariant variant[2];
  float *gates, *h, *c, *made;  // as in LayerForward
  const float *h_before,
      *c_before;             // as hn, cn but sorted, or null: zeros. Those of h_state, c_state
  float *h_state, *c_state;  // after the first step
  // What the next phase multiplies: [D, B, P] h; or the first phase's `extra`, or `made`. While one
  // kernel
  // reads the state of the step before, it cannot write the new one to the same place.
  StepOperand next;
  StateDropout dropout;  // of `next`
  Zoneout zoneout;
  StateCopies copies;
};

struct BackwardStep {
  static constexpr int kMostTiles = 2;  // the products read count*H summands of each row
  Rows rows;
  int32_t cell;
  int64_t hidden, state;            // H, P
  int64_t width, units;             // D*P, D*H
  int64_t gate_row, gate_group;     // S*H, N*S*H
  bool projects;                    // the cell's sums are the gradient of what it made
  int64_t step;                     // direction 0 is at time T - 1 - step, direction 1 at `step`
  const float *gates, *h, *c, *dy;  // as in LayerBackward
  const float *h0, *c0;             // in the caller's order, or null
  float *dgates, *dstate;
  float *dh, *dc;    // sorted: what reaches the state past the product
  StepOperand next;  // [D, B, count*H] gradients of R h, for the step before this one
  // [D, B, H] those of the second phase's product, for the first one; [D, B, P] those of h where
  // that is projected, for the cell
  StepOperand inner;
  CellVariant variant[2];
  StateDropout dropout;  // of what the products were with
  Zoneout zoneout;
  StepGradients more;
};

class StepwiseForward {
 public:
  int32_t prepare(RnContext* ctx, const LayerForward& layer, bool skinny);
  // Steps in the direction's own order, from 0 on.
  int32_t step(RnContext* ctx, int64_t index, const StateCopies& copies = {});
  // Of all of the sequence's.
  int32_t finish(RnContext* ctx);
  // h before step `index`, [D, B, P], as products read it; of the first one null: zeros.
  Operand state(int64_t index) const {
    return index == 0 ? first.operand() : h[index & 1].operand();
  }

 private:
  LayerForward args = {};
  CellTraits cell = {};
  StepOperand first, h[2], extra;  // h0; h before even and odd steps; `made` where h is projected
  StepWeights weights[2];          // of the phases, or of R and W_HR
  ForwardStep s = {};
  StepProduct product;
  float* norm_made = nullptr;  // [D, B, H] c' of a step, with layer norm

  bool in_order() const { return s.rows.order == nullptr; }
  int32_t start(RnContext* ctx);
};

class StepwiseBackward {
 public:
  int32_t prepare(RnContext* ctx, const LayerBackward& layer, bool skinny);
  // Step `index` from the last of the direction's own order.
  int32_t step(RnContext* ctx, int64_t index, const StepGradients& more = {});
  // After all of the sequence's. above: gradients of the states before the first.
  int32_t finish(RnContext* ctx, const StateGradient& above = {});

 private:
  LayerBackward args = {};
  CellTraits cell = {};
  StepOperand gradients[2];  // of R h: of even and odd steps
  StepWeights weights[2];    // of R h, and of the second phase's product or W_HR's
  BackwardStep s = {};
  StepProduct product;
  float* norm_rows = nullptr;  // [2, D, B, H], with layer norm of c

  int32_t first_phase(RnContext* ctx);
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_STEPWISE_STEPWISE_CUH_

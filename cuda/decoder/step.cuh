// One step of one layer of the decoder from W x + b on: the product with R, the math of the cell,
// the dropout behind it, and copies of the state for all that reads it in another layout.
#ifndef RNNATIVE_CUDA_DECODER_STEP_CUH_
#define RNNATIVE_CUDA_DECODER_STEP_CUH_

#include "cuda/core/program.cuh"
#include "cuda/decoder/weights.cuh"

namespace rnnative::cuda {

// The dropout of a layer's output: what an element is multiplied by.
struct StepDropout {
  Draws draws;         // their stream with the layer added
  uint32_t threshold;  // 0: none
  float scale;

  __device__ float factor(int64_t b, int64_t element) const {
    if (threshold == 0) return 1;
    uint32_t words[4];
    draws.words(static_cast<uint64_t>(b), static_cast<uint64_t>(element) >> 2, words);
    const uint32_t low = element & 1 ? words[1] : words[0],
                   high = element & 1 ? words[3] : words[2];
    return ((element & 2 ? high : low) >> 8) >= threshold ? scale : 0.0f;
  }
};
StepDropout step_dropout(const RnRecurrentDesc& stack, int64_t l);

// Row b has steps up to lengths[b]; what arrays get of it for others is zero.
struct DecoderRows {
  int64_t t, batch;
  const int32_t* lengths;  // [B] or null: all `time`
  int64_t time;

  __device__ int64_t end(int64_t b) const { return lengths ? lengths[b] : time; }
};

struct StateCopy {
  float* data;  // null: none
  int64_t stride;
};
struct CellForward {
  DecoderRows rows;
  int64_t hidden;
  float* gates;                      // [B, S*H] in: W x + b_ih in the first G*H columns; out: slots
  const float* b_hh;                 // [G*H] or null
  const float *h_before, *c_before;  // [B, H] or null: zeros; c of LSTM only
  float *h, *c;                      // [B, H]
  float *hn, *cn;                    // [B, H] rows whose last step this is
  float* dropped;                    // [B, H] or null
  StepDropout dropout;
  StateCopy copies[2];
  // With BF16, [B, H]: the state before, then after; `dropped`; copies[0]; r h.
  Rounded state_rounded, dropped_rounded, copy_rounded, reset_rounded;
};
// A gradient of the layer's output, dropped as the output was where told so; null: zero.
struct StateGradient {
  const float* data;
  int64_t stride;
};
struct CellBackward {
  DecoderRows rows;
  int64_t hidden;
  const float *gates, *h, *c, *h_before, *c_before;  // as forward had and left them
  StateGradient above[2];
  StepDropout dropout;  // of above[0]
  float* dgates;        // [B, S*H]
  float *dh, *dc;       // [B, H] in: of the state after the step, out: of the one before
  float* reset;         // [B, H] out: r h, the operand of R_n. GRU_RESET_BEFORE only
  // With BF16, [B, G*H]: of W x, and of R h where that has others (GRU).
  Rounded dgates_rounded, dproduct_rounded;
};

// The layer's R, and what the products of its steps need.
struct StepRecurrence {
  int32_t cell, precision;
  Operand weight;  // [G*H, H]
  float* work;     // step_work() floats
};
int64_t step_work(const DecoderLayout& layout);
int32_t step_forward(RnContext* ctx, const StepRecurrence& layer, const CellForward& step,
                     bool training);
int32_t step_backward(RnContext* ctx, const StepRecurrence& layer, const CellBackward& step);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_DECODER_STEP_CUH_

// The attentional decoder: recurrent layers that attend to a memory at every step, over a whole
// target sequence in one op. See RnDecoderDesc in backend.h for what is fed and where it attends.
#ifndef RNNATIVE_OPS_RECURRENT_DECODER_H_
#define RNNATIVE_OPS_RECURRENT_DECODER_H_

#include <string_view>
#include <vector>

#include "native/ops/attention.h"
#include "native/ops/recurrent/recurrent.h"

namespace rnnative {

// "context" or "output".
RnFeeding parse_feeding(const char* op, std::string_view name);

struct DecoderArgs {
  RecurrentOptions stack;  // directions: 1
  RnScore score = RN_SCORE_DOT;
  RnFeeding feeding = RN_FEED_CONTEXT;
  int64_t beams = 1;                            // rows of the batch that share a row of the memory
  Tensor x;                                     // [T, B, E]
  std::vector<RecurrentParameters> parameters;  // layers; W_IH of the first: [G*H, E + F]
  Tensor w_query;                               // [A, H], or null: the state is the query
  Tensor v;                                     // [A], additive only
  Tensor w_out, b_out;    // [D, V + H], [D] or null; null unless feeding the output
  Tensor keys, values;    // [Tk, B / beams, A], [Tk, B / beams, V]
  Tensor memory_lengths;  // i32 [B / beams] or null: all Tk
  Tensor lengths;         // i32 [B] or null: all T
  Tensor h0, c0;          // [layers, B, H] or null: zeros
  Tensor fed0;            // [B, D] or null: zeros; null unless feeding the output
};
struct DecoderResult {
  Tensor y;        // [T, B, H], or [T, B, D] feeding the output
  Tensor context;  // [T, B, V]; null feeding the output
  Tensor weights;  // [T, B, Tk]
  Tensor hn, cn;   // [layers, B, H]; cn null without a c
  Tensor fedn;     // [B, D]; null unless feeding the output
  Tensor reserve;  // null unless training
};
struct DecoderGradients {
  Tensor dy, dcontext, dweights, dhn, dcn, dfedn;  // shaped as the outputs; each may be null: zero
  Sink dx, dkeys, dvalues, dh0, dc0, dfed0, dw_query, dv, dw_out, db_out;
  std::vector<RecurrentSinks> parameters;
};

DecoderResult decoder(Queue& queue, const DecoderArgs& args);
// `args` as given to the forward call that made the reserve and the weights.
void decoder_backward(Queue& queue, const DecoderArgs& args, const Tensor& weights,
                      const Tensor& reserve, const DecoderGradients& gradients);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_RECURRENT_DECODER_H_

// A call of the decoder as both kernels take it, once its arguments are checked.
#ifndef RNNATIVE_OPS_RECURRENT_DECODER_CALL_H_
#define RNNATIVE_OPS_RECURRENT_DECODER_CALL_H_

#include <memory>
#include <vector>

#include "native/ops/check.h"
#include "native/ops/recurrent/decoder.h"
#include "native/ops/reserve.h"

namespace rnnative {

struct DecoderCall {
  DecoderArgs args;
  RnDecoderDesc desc;
  std::vector<RnRecurrentSlots> slots;  // data filled on the engine
  RnWeight w_query, v, w_out, b_out;
  Shape h, c, output, context, weights, fed;
  Reserve reserve;

  bool feeds_output() const { return desc.feeding == RN_FEED_OUTPUT; }
  bool empty() const { return desc.stack.time == 0 || desc.stack.batch == 0; }
};

std::shared_ptr<DecoderCall> prepare_decoder(const Queue& queue, const Checker& check,
                                             const DecoderArgs& args);
void check_decoder_gradients(const Checker& check, const DecoderCall& call,
                             const DecoderGradients& g);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_RECURRENT_DECODER_CALL_H_

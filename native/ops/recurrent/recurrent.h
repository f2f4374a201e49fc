// The recurrent stack: layers x directions x time steps of one cell in one op. See RnRecurrentDesc
// in backend.h for cells, gate order and what padding means.
#ifndef RNNATIVE_OPS_RECURRENT_RECURRENT_H_
#define RNNATIVE_OPS_RECURRENT_RECURRENT_H_

#include <array>
#include <string_view>
#include <vector>

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// By its name in native/abi/cells.h.
RnCell parse_cell(std::string_view text);

struct RecurrentOptions {
  RnCell cell = {};
  int64_t layers = 1;
  int64_t directions = 1;
  int64_t hidden = 0;
  int64_t projection = 0;  // features of h where they are fewer
  bool norm = false;       // layer norm
  bool training = false;
  double dropout = 0;                               // between layers, only when training
  std::array<double, RN_PHASE_COUNT> amounts = {};  // of the phases; those of training only then
  bool draws = false;  // `random` was given; else phases are as they are expected to be
  RnRandom random = {};
  int32_t precision = RN_PRECISION_F32;  // an RnPrecision, or RN_PRECISION_INT8
  RnCellOptions of_cell = {};            // of a cell that has them
};

// Of one layer and direction, by RnSlot.
using RecurrentParameters = std::array<Tensor, RN_SLOT_COUNT>;
using RecurrentSinks = std::array<Sink, RN_SLOT_COUNT>;

struct RecurrentArgs {
  RecurrentOptions options;
  Tensor x;                                     // [T, B, I]
  std::vector<RecurrentParameters> parameters;  // layer-major: layers * directions
  Tensor lengths;                               // i32 [B] or null: all T
  Tensor h0, c0;  // [layers*directions, B, P], [layers*directions, B, H] or null: zeros
};
struct RecurrentResult {
  Tensor y;        // [T, B, directions*P]
  Tensor hn, cn;   // shaped as h0, c0; cn null without a c
  Tensor reserve;  // null unless training
};
struct RecurrentGradients {
  Tensor dy, dhn, dcn;  // shaped as y, hn, cn; each may be null: zero
  Sink dx, dh0, dc0;
  std::vector<RecurrentSinks> parameters;
};

RecurrentResult recurrent(Queue& queue, const RecurrentArgs& args);
// `args` as given to the forward call that made the reserve.
void recurrent_backward(Queue& queue, const RecurrentArgs& args, const Tensor& reserve,
                        const RecurrentGradients& gradients);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_RECURRENT_RECURRENT_H_

#ifndef RNNATIVE_REFERENCE_RECURRENT_CELLS_RNN_H_
#define RNNATIVE_REFERENCE_RECURRENT_CELLS_RNN_H_

#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {

extern const Cell rnn_tanh_cell;
extern const Cell rnn_relu_cell;

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_CELLS_RNN_H_

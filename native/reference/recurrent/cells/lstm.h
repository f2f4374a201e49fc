#ifndef RNNATIVE_REFERENCE_RECURRENT_CELLS_LSTM_H_
#define RNNATIVE_REFERENCE_RECURRENT_CELLS_LSTM_H_

#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {

extern const Cell lstm_cell;

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_CELLS_LSTM_H_

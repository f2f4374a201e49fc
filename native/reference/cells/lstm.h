#ifndef RNNATIVE_REFERENCE_CELLS_LSTM_H_
#define RNNATIVE_REFERENCE_CELLS_LSTM_H_

#include "native/reference/cells/cell.h"

namespace rnnative::reference {

extern const Cell lstm_cell;

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_CELLS_LSTM_H_

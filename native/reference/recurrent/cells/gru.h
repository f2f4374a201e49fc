#ifndef RNNATIVE_REFERENCE_RECURRENT_CELLS_GRU_H_
#define RNNATIVE_REFERENCE_RECURRENT_CELLS_GRU_H_

#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {

extern const Cell gru_cell;

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_CELLS_GRU_H_

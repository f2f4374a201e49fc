#ifndef RNNATIVE_REFERENCE_RECURRENT_CELLS_GRU_RESET_BEFORE_H_
#define RNNATIVE_REFERENCE_RECURRENT_CELLS_GRU_RESET_BEFORE_H_

#include "native/reference/recurrent/cells/cell.h"

namespace rnnative::reference {

extern const Cell gru_reset_before_cell;

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_CELLS_GRU_RESET_BEFORE_H_

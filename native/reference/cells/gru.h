#ifndef RNNATIVE_REFERENCE_CELLS_GRU_H_
#define RNNATIVE_REFERENCE_CELLS_GRU_H_

#include "native/reference/cells/cell.h"

namespace rnnative::reference {

extern const Cell gru_cell;

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_CELLS_GRU_H_

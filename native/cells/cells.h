// The text of every cell of native/abi/cells.h.
#ifndef RNNATIVE_CELLS_CELLS_H_
#define RNNATIVE_CELLS_CELLS_H_

#include "native/cells/gru.h"
#include "native/cells/gru_reset_before.h"
#include "native/cells/lstm.h"
#include "native/cells/lstm_general.h"
#include "native/cells/rnn.h"

#endif  // RNNATIVE_CELLS_CELLS_H_

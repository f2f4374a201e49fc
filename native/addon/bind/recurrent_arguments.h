// Arguments that the recurrent ops share.
#ifndef RNNATIVE_ADDON_BIND_RECURRENT_ARGUMENTS_H_
#define RNNATIVE_ADDON_BIND_RECURRENT_ARGUMENTS_H_

#include <napi.h>

#include <vector>

#include "native/ops/recurrent/recurrent.h"

namespace rnnative::addon {

// An options object: cell, layers, directions, hidden, projection, training, dropout, phases,
// random, precision.
RecurrentOptions read_recurrent_options(Napi::Value value, const char* op);
// An array of the parameters of each layer and direction: the slots that the cell has, in the order
// of native/abi/cells.h.
std::vector<RecurrentParameters> read_recurrent_parameters(Napi::Value value, int32_t cell,
                                                           const char* op);
// Sinks from `first` on, for so many layers and directions of a cell.
std::vector<RecurrentSinks> recurrent_sinks(const std::vector<Sink>& sinks, size_t first,
                                            size_t layers, int32_t cell);

}  // namespace rnnative::addon

#endif  // RNNATIVE_ADDON_BIND_RECURRENT_ARGUMENTS_H_

// Arguments that the recurrent ops share.
#ifndef RNNATIVE_ADDON_BIND_RECURRENT_ARGUMENTS_H_
#define RNNATIVE_ADDON_BIND_RECURRENT_ARGUMENTS_H_

#include <napi.h>

#include <tuple>
#include <vector>

#include "native/ops/recurrent/recurrent.h"

namespace rnnative::addon {

inline constexpr size_t kRecurrentSlots = std::tuple_size_v<RecurrentParameters>;

// An options object: cell, layers, directions, hidden, training, dropout, random, precision.
RecurrentOptions read_recurrent_options(Napi::Value value, const char* op);
// An array of [w_ih, w_hh, b_ih, b_hh].
std::vector<RecurrentParameters> read_recurrent_parameters(Napi::Value value, const char* op);

}  // namespace rnnative::addon

#endif  // RNNATIVE_ADDON_BIND_RECURRENT_ARGUMENTS_H_

#include "native/addon/bind/recurrent_arguments.h"

#include <limits>

#include "native/addon/arguments.h"
#include "native/ops/check.h"

namespace rnnative::addon {

namespace {

constexpr int64_t kMaxCells = 512;  // 256 layers (streams of Philox) in two directions

std::string slot_names(int32_t cell) {
  std::string names = rn_slot(0)->name;
  for (int slot = 1; slot < RN_SLOT_COUNT; ++slot) {
    if (rn_has_slot(cell, slot)) names += std::string(", ") + rn_slot(slot)->name;
  }
  return names;
}

// From a list of those that the cell has to a place for every slot.
template <class Entry, class All>
void spread(const Entry* entries, int32_t cell, All* all) {
  for (int slot = 0; slot < RN_SLOT_COUNT; ++slot) {
    if (rn_has_slot(cell, slot)) (*all)[slot] = *entries++;
  }
}

int32_t read_activation(const Napi::Object& object, const char* name, const char* op) {
#define RN_NAME(NAME, name) #name,
  return choose(op, name, to_string(object.Get(name), op, name), {RN_ACTIVATIONS(RN_NAME)});
#undef RN_NAME
}

// Of a cell that has options; an LSTM's own unless given. Those of others are not looked at.
RnCellOptions read_cell_options(Napi::Value value, const char* op) {
  if (value.IsNull() || value.IsUndefined()) {
    constexpr double kUnbound = std::numeric_limits<double>::infinity();
    return {RN_ACTIVATION_SIGMOID, RN_ACTIVATION_TANH, RN_ACTIVATION_TANH, kUnbound, kUnbound};
  }
  const Napi::Object object = to_options(value, op, "cellOptions");
  const auto bound = [&](const char* name) { return to_number(object.Get(name), op, name); };
  return {read_activation(object, "gate", op), read_activation(object, "candidate", op),
          read_activation(object, "output", op), bound("gateClip"), bound("cellClip")};
}

// An object of amounts by the names of phases; those that it lacks are 0.
std::array<double, RN_PHASE_COUNT> read_amounts(Napi::Value value, const char* op) {
  std::array<double, RN_PHASE_COUNT> amounts = {};
  if (value.IsNull() || value.IsUndefined()) return amounts;
  const Napi::Object object = to_options(value, op, "phases");
  for (int phase = 0; phase < RN_PHASE_COUNT; ++phase) {
    const char* name = rn_phase(phase)->name;
    const Napi::Value amount = object.Get(name);
    if (!amount.IsUndefined()) amounts[phase] = to_number(amount, op, name);
  }
  return amounts;
}

}  // namespace

RecurrentOptions read_recurrent_options(Napi::Value value, const char* op) {
  const Napi::Object object = to_options(value, op, "options");
  RecurrentOptions options;
  options.cell = parse_cell(to_string(object.Get("cell"), op, "cell"));
  options.layers = to_integer(object.Get("layers"), 1, kMaxCells, op, "layers");
  options.directions = to_integer(object.Get("directions"), 1, 2, op, "directions");
  options.hidden = to_integer(object.Get("hidden"), 1, INT32_MAX, op, "hidden");
  const Napi::Value projection = object.Get("projection");
  if (!projection.IsNull() && !projection.IsUndefined())
    options.projection = to_integer(projection, 0, INT32_MAX, op, "projection");
  const Napi::Value norm = object.Get("norm");
  if (!norm.IsNull() && !norm.IsUndefined()) options.norm = to_bool(norm, op, "norm");
  options.training = to_bool(object.Get("training"), op, "training");
  options.dropout = to_number(object.Get("dropout"), op, "dropout");
  options.precision = to_linear_precision(object.Get("precision"), op, "precision");
  options.amounts = read_amounts(object.Get("phases"), op);
  if (rn_cell(options.cell)->options)
    options.of_cell = read_cell_options(object.Get("cellOptions"), op);
  bool must_draw = options.dropout > 0;
  for (int phase = 0; phase < RN_PHASE_COUNT; ++phase)
    must_draw |= rn_phase(phase)->training && options.amounts[phase] != 0;
  const Napi::Value random = object.Get("random");
  options.draws = !random.IsNull() && !random.IsUndefined();
  if (options.draws || (options.training && must_draw)) {
    options.random = to_random(random, op, "random");
  }
  return options;
}

std::vector<RecurrentParameters> read_recurrent_parameters(Napi::Value value, int32_t cell,
                                                           const char* op) {
  if (!value.IsArray()) {
    throw Error("ERR_ARGUMENT", "[" + std::string(op) + "] parameters: expected an array");
  }
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  if (length > kMaxCells) {
    throw Error("ERR_ARGUMENT", "[" + std::string(op) + "] parameters: expected at most " +
                                    std::to_string(kMaxCells) + ", got " + std::to_string(length));
  }
  std::vector<RecurrentParameters> parameters;
  for (uint32_t i = 0; i < length; ++i) {
    const std::vector<Tensor> slots = to_tensors(array.Get(i), op, "parameters", true);
    if (slots.size() != static_cast<size_t>(rn_slot_count(cell))) {
      throw Error("ERR_ARGUMENT", "[" + std::string(op) + "] parameters: expected " +
                                      slot_names(cell) + " per cell, got " +
                                      std::to_string(slots.size()) + " entries");
    }
    spread(slots.data(), cell, &parameters.emplace_back());
  }
  return parameters;
}

std::vector<RecurrentSinks> recurrent_sinks(const std::vector<Sink>& sinks, size_t first,
                                            size_t layers, int32_t cell) {
  std::vector<RecurrentSinks> result(layers);
  for (size_t i = 0; i < layers; ++i)
    spread(sinks.data() + first + i * static_cast<size_t>(rn_slot_count(cell)), cell, &result[i]);
  return result;
}

}  // namespace rnnative::addon

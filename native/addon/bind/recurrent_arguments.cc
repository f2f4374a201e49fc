#include "native/addon/bind/recurrent_arguments.h"

#include <algorithm>

#include "native/addon/arguments.h"

namespace rnnative::addon {

namespace {

constexpr int64_t kMaxCells = 512;  // 256 layers (streams of Philox) in two directions

std::string slot_names() {
  std::string names = rn_slot(0)->name;
  for (int slot = 1; slot < RN_SLOT_COUNT; ++slot) names += std::string(", ") + rn_slot(slot)->name;
  return names;
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
  options.training = to_bool(object.Get("training"), op, "training");
  options.dropout = to_number(object.Get("dropout"), op, "dropout");
  options.precision = to_precision(object.Get("precision"), op, "precision");
  options.amounts = read_amounts(object.Get("phases"), op);
  const bool draws =
      options.dropout > 0 ||
      std::any_of(options.amounts.begin(), options.amounts.end(), [](double a) { return a != 0; });
  const Napi::Value random = object.Get("random");
  const bool given = !random.IsNull() && !random.IsUndefined();
  if (given || (options.training && draws)) {
    options.random = to_random(random, op, "random");
  }
  return options;
}

std::vector<RecurrentParameters> read_recurrent_parameters(Napi::Value value, const char* op) {
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
    if (slots.size() != RN_SLOT_COUNT) {
      throw Error("ERR_ARGUMENT", "[" + std::string(op) + "] parameters: expected " + slot_names() +
                                      " per cell, got " + std::to_string(slots.size()) +
                                      " entries");
    }
    std::copy(slots.begin(), slots.end(), parameters.emplace_back().begin());
  }
  return parameters;
}

std::vector<RecurrentSinks> recurrent_sinks(const std::vector<Sink>& sinks, size_t first,
                                            size_t cells) {
  std::vector<RecurrentSinks> result(cells);
  for (size_t i = 0; i < cells; ++i)
    std::copy_n(sinks.begin() + first + i * RN_SLOT_COUNT, RN_SLOT_COUNT, result[i].begin());
  return result;
}

}  // namespace rnnative::addon

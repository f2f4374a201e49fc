// recurrent and its gradient, and the lists of native/abi/cells.h.
#include "native/ops/recurrent/recurrent.h"
#include "native/addon/arguments.h"
#include "native/addon/bind/recurrent_arguments.h"
#include "native/runtime/engine.h"

namespace rnnative::addon {
namespace {

// The first six arguments of both functions.
RecurrentArgs read_recurrent(const Info& info, const char* op) {
  RecurrentArgs args;
  args.x = tensor_arg(info, 1, op, "x");
  Engine::of(args.x.device).rouse();  // reading the rest takes as long as it does to wake
  args.options = read_recurrent_options(info[0], op);
  args.parameters = read_recurrent_parameters(info[2], args.options.cell, op);
  args.lengths = maybe_tensor_arg(info, 3, op, "lengths");
  args.h0 = maybe_tensor_arg(info, 4, op, "h0");
  args.c0 = maybe_tensor_arg(info, 5, op, "c0");
  return args;
}

Napi::Value recurrent(const Info& info) {
  const RecurrentArgs args = read_recurrent(info, "recurrent");
  const RecurrentResult made = rnnative::recurrent(queue(info.Env(), args.x.device), args);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("y", wrap(info.Env(), made.y));
  result.Set("hn", wrap(info.Env(), made.hn));
  result.Set("cn", wrap(info.Env(), made.cn));
  result.Set("reserve", wrap(info.Env(), made.reserve));
  return result;
}

Napi::Value recurrent_backward(const Info& info) {
  constexpr const char* kOp = "recurrent_backward";
  const RecurrentArgs args = read_recurrent(info, kOp);
  const Tensor reserve = tensor_arg(info, 6, kOp, "reserve");
  RecurrentGradients gradients;
  gradients.dy = maybe_tensor_arg(info, 7, kOp, "dy");
  gradients.dhn = maybe_tensor_arg(info, 8, kOp, "dhn");
  gradients.dcn = maybe_tensor_arg(info, 9, kOp, "dcn");
  const size_t layers = args.parameters.size();
  const auto each = static_cast<size_t>(rn_slot_count(args.options.cell));
  const std::vector<Sink> sinks = to_sinks(info[10], info[11], 3 + each * layers, kOp);
  gradients.dx = sinks[0];
  gradients.dh0 = sinks[1];
  gradients.dc0 = sinks[2];
  gradients.parameters = recurrent_sinks(sinks, 3, layers, args.options.cell);
  rnnative::recurrent_backward(queue(info.Env(), args.x.device), args, reserve, gradients);
  return info.Env().Undefined();
}

const char* extent_name(int32_t extent) {
#define RN_NAME(NAME, name, value) #name,
  constexpr const char* names[] = {RN_EXTENTS(RN_NAME)};
#undef RN_NAME
  return names[extent];
}

template <class Each>
Napi::Array list(Napi::Env env, int count, const Each& each) {
  Napi::Array all = Napi::Array::New(env, static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    Napi::Object row = Napi::Object::New(env);
    each(i, row);
    all[static_cast<uint32_t>(i)] = row;
  }
  return all;
}

Napi::Value cells(const Info& info) {
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  result["cells"] = list(env, RN_CELL_COUNT, [](int i, Napi::Object& row) {
    const RnCellRow& cell = *rn_cell(i);
    row["name"] = cell.name;
    row["gates"] = cell.gates;
    row["hasC"] = cell.has_c != 0;
    row["products"] = cell.products;
    row["normed"] = cell.normed != 0;
    row["carriesH"] = cell.carries_h != 0;
    row["apart"] = cell.apart != 0;
    row["options"] = cell.options != 0;
    uint32_t slots = 0;
    for (int slot = 0; slot < RN_SLOT_COUNT; ++slot)
      slots |= static_cast<uint32_t>(rn_has_slot(i, slot)) << slot;
    row["slots"] = slots;
  });
  result["slots"] = list(env, RN_SLOT_COUNT, [](int i, Napi::Object& row) {
    const RnSlotRow& slot = *rn_slot(i);
    row["name"] = slot.name;
    row["rows"] = extent_name(slot.rows);
    row["columns"] = extent_name(slot.columns);
    row["required"] = slot.required != 0;
  });
  result["activations"] = list(env, RN_ACTIVATION_COUNT,
                               [](int i, Napi::Object& row) { row["name"] = rn_activation(i); });
  result["phases"] = list(env, RN_PHASE_COUNT, [](int i, Napi::Object& row) {
    const RnPhaseRow& phase = *rn_phase(i);
    row["name"] = phase.name;
    row["below"] = phase.below;
    row["training"] = phase.training != 0;
    row["ofC"] = phase.of_c != 0;
  });
  return result;
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_recurrent(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::recurrent>(env, exports, "recurrent");
  addon::export_function<&addon::recurrent_backward>(env, exports, "recurrentBackward");
  addon::export_function<&addon::cells>(env, exports, "cells");
}

}  // namespace rnnative

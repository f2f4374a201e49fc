#include "native/ops/recurrent/parameters.h"

#include <algorithm>

#include "native/abi/int8.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

std::string slot_name(const RecurrentOptions& o, size_t cell, int slot) {
  const size_t directions = static_cast<size_t>(o.directions);
  std::string name = rn_slot(slot)->name + ("_l" + std::to_string(cell / directions));
  return cell % directions == 1 ? name + "_reverse" : name;
}

// int8 is for inference, on the CPU.
void check_int8(const Checker& check, const RecurrentOptions& o) {
  const auto refuse = [&](const char* where) {
    check.fail("ERR_UNSUPPORTED",
               std::string("precision: expected f32 or bf16 ") + where + ", got int8");
  };
  if (check.device() == Device::kCuda) refuse("on cuda");
  if (o.training) refuse("where gradients are wanted");
  if (o.norm) refuse("with layer norm");
}

Shape slot_shape(const RnRecurrentDesc& d, size_t cell, int slot) {
  const bool first = cell < static_cast<size_t>(d.directions);
  const int64_t in = first ? d.input : d.directions * d.state;
  const auto extent = [&](int32_t e) {
    return rn_extent(e, rn_cell(d.cell)->gates, d.hidden, d.state, in);
  };
  const RnSlotRow& row = *rn_slot(slot);
  return row.columns == RN_EXTENT_ONE ? Shape{extent(row.rows)}
                                      : Shape{extent(row.rows), extent(row.columns)};
}

}  // namespace

RnRecurrentDesc describe_stack(const RecurrentOptions& o, int64_t time, int64_t batch,
                               int64_t input) {
  RnRecurrentDesc d = {};
  d.cell = o.cell;
  d.layers = static_cast<int32_t>(o.layers);
  d.directions = static_cast<int32_t>(o.directions);
  d.training = o.training;
  d.time = time;
  d.batch = batch;
  d.input = input;
  d.hidden = o.hidden;
  d.norm = o.norm;
  d.state = o.projection > 0 ? o.projection : o.hidden;
  d.dropout = o.training ? o.dropout : 0;
  d.draws = o.draws;
  d.random = o.random;
  d.precision = o.precision;
  d.options = o.of_cell;
  for (int phase = 0; phase < RN_PHASE_COUNT; ++phase) {
    if (o.amounts[phase] == 0 || (rn_phase(phase)->training && !o.training)) continue;
    d.phases |= 1 << phase;
    d.amounts[phase] = o.amounts[phase];
  }
  return d;
}

void check_options(const Checker& check, const RecurrentOptions& o) {
  if (o.directions != 1 && o.directions != 2) {
    check.fail("ERR_ARGUMENT", "directions: expected 1 or 2, got " + std::to_string(o.directions));
  }
  // A stream of Philox for each layer, and for each phase.
  const bool phases =
      std::any_of(o.amounts.begin(), o.amounts.end(), [](double a) { return a != 0; });
  const int64_t most = 256 - static_cast<int64_t>(o.random.stream) - (phases ? RN_PHASE_COUNT : 0);
  if (o.layers < 1 || o.layers > most) {
    check.fail("ERR_ARGUMENT",
               "layers: expected 1.." + std::to_string(most) + ", got " + std::to_string(o.layers));
  }
  if (o.hidden < 1 || o.hidden > kMaxExtent) {
    check.fail("ERR_ARGUMENT", "hidden: expected a positive size, got " + std::to_string(o.hidden));
  }
  const bool projects = rn_has_slot(o.cell, RN_W_HR);
  if (o.projection != 0 && !(projects && o.projection > 0 && o.projection < o.hidden)) {
    check.fail("ERR_ARGUMENT", (projects ? "projection: expected a size below that of hidden, got "
                                         : "projection: expected none for this cell, got ") +
                                   std::to_string(o.projection));
  }
  if (o.norm && !rn_cell(o.cell)->normed)
    check.fail("ERR_ARGUMENT", "norm: expected false, the cell has no layer norm");
  check.in_range("dropout", o.dropout, 0, 1, false);
  if (o.precision == RN_PRECISION_INT8) check_int8(check, o);
  if (rn_cell(o.cell)->options && !(o.of_cell.gate_clip > 0 && o.of_cell.cell_clip > 0)) {
    check.fail("ERR_ARGUMENT", "gateClip, cellClip: expected bounds above 0");
  }
  for (int phase = 0; phase < RN_PHASE_COUNT; ++phase) {
    const RnPhaseRow& row = *rn_phase(phase);
    check.in_range(row.name, o.amounts[phase], 0, row.below, false);
    if (row.of_c && o.amounts[phase] != 0 && !rn_cell(o.cell)->has_c)
      check.fail("ERR_ARGUMENT", std::string(row.name) + ": expected 0, the cell has no c");
  }
}

bool is_projected(const RnRecurrentDesc& d, const std::vector<RecurrentParameters>& parameters) {
  return std::all_of(parameters.begin(),
                     parameters.begin() + std::min<int64_t>(d.directions, std::ssize(parameters)),
                     [](const RecurrentParameters& p) { return !p[RN_W_IH]; });
}

void check_parameters(const Checker& check, const RecurrentOptions& options,
                      const RnRecurrentDesc& d, const std::vector<RecurrentParameters>& parameters,
                      bool projected) {
  const int64_t cells = int64_t{d.layers} * d.directions;
  if (static_cast<int64_t>(parameters.size()) != cells) {
    check.fail("ERR_ARGUMENT", "parameters: expected " + std::to_string(cells) +
                                   " (layers * directions), got " +
                                   std::to_string(parameters.size()));
  }
  const int64_t gates = d.directions * rn_cell(d.cell)->gates * d.hidden;
  if (projected && d.input != gates) {
    check.fail("ERR_SHAPE", "x: expected [T, B, " + std::to_string(gates) + "] without " +
                                slot_name(options, 0, RN_W_IH) + ", got " +
                                std::to_string(d.input) + " features");
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    for (int slot = 0; slot < RN_SLOT_COUNT; ++slot) {
      const Tensor& parameter = parameters[i][slot];
      const bool projection = slot == RN_W_HR && d.state != d.hidden;
      const bool norm = d.norm && rn_is_norm(slot) && rn_has_slot(d.cell, slot);
      if (!rn_slot(slot)->required && !parameter && !projection && !norm) continue;
      if (slot == RN_W_HR && !projection)
        check.fail("ERR_ARGUMENT",
                   slot_name(options, i, slot) + ": expected null without a projection");
      if (rn_is_norm(slot) && !d.norm)
        check.fail("ERR_ARGUMENT",
                   slot_name(options, i, slot) + ": expected null without layer norm");
      if (!rn_has_slot(d.cell, slot))
        check.fail("ERR_ARGUMENT",
                   slot_name(options, i, slot) + ": expected null, the cell has no such parameter");
      if (slot == RN_W_IH && projected && i < static_cast<size_t>(d.directions)) continue;
      check.real(slot_name(options, i, slot), parameter, slot_shape(d, i, slot));
      if (options.precision == RN_PRECISION_INT8 && parameter.shape.dims() == 2 &&
          parameter.shape[1] > RN_INT8_MOST_COLUMNS)
        check.fail("ERR_UNSUPPORTED", slot_name(options, i, slot) + ": expected at most " +
                                          std::to_string(RN_INT8_MOST_COLUMNS) +
                                          " columns with int8, got " +
                                          std::to_string(parameter.shape[1]));
    }
  }
}

void check_parameter_sinks(const Checker& check, const RecurrentOptions& options,
                           const RnRecurrentDesc& d,
                           const std::vector<RecurrentParameters>& parameters,
                           const std::vector<RecurrentSinks>& sinks) {
  if (sinks.size() != parameters.size()) {
    check.fail("ERR_ARGUMENT", "sinks: expected those of " + std::to_string(parameters.size()) +
                                   " cells, got " + std::to_string(sinks.size()));
  }
  for (size_t i = 0; i < sinks.size(); ++i) {
    for (int slot = 0; slot < RN_SLOT_COUNT; ++slot) {
      const Sink& sink = sinks[i][slot];
      if (!sink.tensor) continue;
      const std::string name = slot_name(options, i, slot) + ".grad";
      check.sink(name, sink, slot_shape(d, i, slot));
      if (!parameters[i][slot]) {
        check.fail("ERR_ARGUMENT", name + ": expected null without the parameter");
      }
    }
  }
}

std::vector<RnRecurrentSlots> capture_slots(Queue& queue,
                                            const std::vector<RecurrentParameters>& parameters) {
  std::vector<RnRecurrentSlots> slots;
  for (const RecurrentParameters& p : parameters) {
    RnRecurrentSlots& of_cell = slots.emplace_back();
    for (int slot = 0; slot < RN_SLOT_COUNT; ++slot) of_cell.slot[slot] = queue.weight(p[slot]);
  }
  return slots;
}

std::vector<RnRecurrentSlots> open_slots(OpRun& run, std::vector<RnRecurrentSlots> slots,
                                         const std::vector<RecurrentParameters>& parameters) {
  for (size_t i = 0; i < slots.size(); ++i) {
    for (int slot = 0; slot < RN_SLOT_COUNT; ++slot)
      slots[i].slot[slot].data = run.data(parameters[i][slot]);
  }
  return slots;
}

std::vector<RnRecurrentSlotGrads> open_sinks(OpRun& run, const std::vector<RecurrentSinks>& sinks) {
  std::vector<RnRecurrentSlotGrads> grads;
  for (const RecurrentSinks& s : sinks) {
    RnRecurrentSlotGrads& of_cell = grads.emplace_back();
    for (int slot = 0; slot < RN_SLOT_COUNT; ++slot)
      of_cell.slot[slot] = run.grad(s[slot].tensor, s[slot].add);
  }
  return grads;
}

int32_t pass_state(OpRun& run, const Tensor& from, const Sink& to) {
  if (!to.tensor) return RN_OK;
  if (!from) return zero(run, to);
  StridedAxes axes;
  axes.push(to.tensor.elements(), 1, 1);
  return strided_copy(run, axes, from.dtype, run.data(from), run.data(to.tensor), to.add);
}

}  // namespace rnnative

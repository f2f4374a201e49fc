#include "native/ops/optimizer.h"

#include <limits>
#include <string>

#include "native/ops/check.h"

namespace rnnative {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_update(const Checker& check, double lr, int64_t step) {
  check.in_range("lr", lr, 0, kInfinity, false);
  if (step < 1) {
    check.fail("ERR_ARGUMENT", "step: expected at least 1, got " + std::to_string(step));
  }
}

void check_options(const Checker& check, const OptimizerOptions& o) {
  const auto not_negative = [&check](const char* name, double value) {
    check.in_range(name, value, 0, kInfinity, false);
  };
  not_negative("clipNorm", o.clip_norm);
  check_update(check, o.lr, o.step);
  not_negative("weightDecay", o.weight_decay);
  not_negative("momentum", o.momentum);
  check.in_range("dampening", o.dampening, -std::numeric_limits<double>::max(), kInfinity, false);
  check.in_range("beta1", o.beta1, 0, 1, false);
  check.in_range("beta2", o.beta2, 0, 1, false);
  not_negative("eps", o.eps);
  check.in_range("alpha", o.alpha, 0, 1, true);
  not_negative("lrDecay", o.lr_decay);
  if (o.kind == RN_SGD && o.nesterov && (o.momentum == 0 || o.dampening != 0)) {
    check.fail("ERR_ARGUMENT", "nesterov: expected momentum > 0 and dampening 0");
  }
}

// Which of the three state tensors this kind keeps.
std::array<bool, 3> states_of(const OptimizerOptions& o) {
  switch (o.kind) {
    case RN_SGD:
      return {o.momentum != 0, false, false};
    case RN_RMSPROP:
      return {true, o.momentum != 0, o.centered};
    case RN_ADAGRAD:
      return {true, false, false};
    default:
      return {true, true, false};
  }
}

void same_elements(const Checker& check, const std::string& name, const Tensor& t,
                   const Tensor& parameter) {
  check.real(name, t);
  if (t.elements() != parameter.elements()) {
    check.fail("ERR_SHAPE", name + ": expected " + std::to_string(parameter.elements()) +
                                " elements, got " + t.shape.to_string());
  }
}

}  // namespace

void check_update(double lr, int64_t step) {
  check_update(Checker("optimizer_step", Device::kCuda), lr, step);
}

RnOptimizer parse_optimizer(std::string_view name) {
  return static_cast<RnOptimizer>(
      choose("optimizer_step", "kind", name, {"sgd", "adam", "adamw", "rmsprop", "adagrad"}));
}

Tensor global_norm(Queue& queue, const std::vector<Tensor>& gradients) {
  if (gradients.empty()) {
    Checker("global_norm", Device::kCpu).fail("ERR_ARGUMENT", "gradients: expected tensors");
  }
  const Checker check("global_norm", gradients[0].device);
  Op op("global_norm", check.device());
  for (size_t i = 0; i < gradients.size(); ++i) {
    check.real("gradients[" + std::to_string(i) + "]", gradients[i]);
    op.reads(gradients[i]);
  }
  const Tensor norm = check.make(Shape{});
  op.writes(norm);
  queue.submit(std::move(op), [gradients, norm](OpRun& run) {
    std::vector<const void*> data;
    std::vector<int64_t> sizes;
    for (const Tensor& g : gradients) {
      data.push_back(run.data(g));
      sizes.push_back(g.elements());
    }
    const RnGlobalNorm args = {static_cast<int32_t>(data.size()), data.data(), sizes.data(),
                               run.data(norm)};
    return run.backend().global_norm(run.context(), &args);
  });
  return norm;
}

void optimizer_step(Queue& queue, const OptimizerOptions& options, const Tensor& parameter,
                    const Tensor& gradient, const OptimizerState& state, const Tensor& norm,
                    const Tensor& rows) {
  const Checker check("optimizer_step", parameter.device);
  check_options(check, options);
  check.real("parameter", parameter);
  if (rows) {
    check.ints("rows", rows);
    if (parameter.shape.dims() != 2) {
      check.fail("ERR_SHAPE",
                 "parameter: expected [V, E] with rows, got " + parameter.shape.to_string());
    }
    check.real("gradient", gradient, Shape{rows.elements(), parameter.shape[1]});
  } else {
    same_elements(check, "gradient", gradient, parameter);
  }
  const std::array<bool, 3> keeps = states_of(options);
  for (size_t i = 0; i < state.size(); ++i) {
    const std::string name = "state[" + std::to_string(i) + "]";
    if (keeps[i]) {
      same_elements(check, name, state[i], parameter);
    } else if (state[i]) {
      check.fail("ERR_ARGUMENT", name + ": expected null with these options, got a tensor");
    }
  }
  if (norm) {
    check.real("norm", norm);
    if (norm.elements() != 1) {
      check.fail("ERR_SHAPE", "norm: expected a scalar, got " + norm.shape.to_string());
    }
  } else if (options.clip_norm > 0) {
    check.fail("ERR_ARGUMENT", "norm: expected a tensor, since clipNorm > 0; got null");
  }
  queue.submit(Op("optimizer_step", parameter.device)
                   .reads(gradient)
                   .reads(norm)
                   .reads(rows)
                   .updates(parameter)
                   .updates(state[0])
                   .updates(state[1])
                   .updates(state[2]),
               [=](OpRun& run) -> int32_t {
                 if (gradient.elements() == 0) return RN_OK;
                 const OptimizerOptions& o = options;
                 const RnOptimizerStep args = {
                     o.kind,
                     gradient.elements(),
                     run.data(parameter),
                     run.data(gradient),
                     {run.data(state[0]), run.data(state[1]), run.data(state[2])},
                     run.data(norm),
                     o.clip_norm,
                     o.lr,
                     o.weight_decay,
                     o.momentum,
                     o.dampening,
                     o.beta1,
                     o.beta2,
                     o.eps,
                     o.alpha,
                     o.lr_decay,
                     o.nesterov,
                     o.centered,
                     o.step,
                     static_cast<const int32_t*>(run.data(rows)),
                     rows ? parameter.shape[1] : 0,
                     rows ? parameter.shape[0] : 0};
                 return run.backend().optimizer_step(run.context(), &args);
               });
}

}  // namespace rnnative

// Gradient norms and optimizer updates over flat arenas of parameters.
#ifndef RNNATIVE_OPS_OPTIMIZER_H_
#define RNNATIVE_OPS_OPTIMIZER_H_

#include <array>
#include <string_view>
#include <vector>

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// "sgd", "adam", "adamw", "rmsprop" or "adagrad".
RnOptimizer parse_optimizer(std::string_view name);

// A scalar: sqrt of the sum of squares over all gradients (at least one).
Tensor global_norm(Queue& queue, const std::vector<Tensor>& gradients);

// Hyper-parameters of torch.optim; those of other kinds are only checked to be finite.
struct OptimizerOptions {
  RnOptimizer kind = RN_SGD;
  double clip_norm = 0;  // 0: no clipping; else needs a norm
  double lr = 0, weight_decay = 0, momentum = 0, dampening = 0;
  double beta1 = 0, beta2 = 0, eps = 0, alpha = 0, lr_decay = 0;
  bool nesterov = false, centered = false;
  int64_t step = 1;  // 1 for the first update
};
// Throws what optimizer_step would.
void check_update(double lr, int64_t step);
// SGD: [buffer] with momentum. Adam(W): [m, v]. RMSprop: [v, buffer with momentum, average when
// centered]. Adagrad: [sum]. The rest null.
using OptimizerState = std::array<Tensor, 3>;

// Updates parameter and state in place (same element count as the gradient). With a norm (scalar
// or null) that is not finite nothing changes. With rows (i32 [N], or null) the parameter is [V, E]
// and the gradient [N, E]: its row i is that of row rows[i], and of none where there is no such
// row. No row may be named twice.
void optimizer_step(Queue& queue, const OptimizerOptions& options, const Tensor& parameter,
                    const Tensor& gradient, const OptimizerState& state, const Tensor& norm,
                    const Tensor& rows);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_OPTIMIZER_H_

// Optimizers over flat arenas, and what the machine can do at most.
#ifndef RNNATIVE_ABI_ARGS_OPTIMIZER_H_
#define RNNATIVE_ABI_ARGS_OPTIMIZER_H_

#include "native/abi/base.h"

// norm[0] = sqrt(sum of squares), summed in double in an order that depends on n only.
// `arenas` ranges are summed in order.
typedef struct RnGlobalNorm {
  int32_t arenas;
  const void* const* g;
  const int64_t* n;
  void* norm;
} RnGlobalNorm;
enum RnOptimizer { RN_SGD, RN_ADAM, RN_ADAMW, RN_RMSPROP, RN_ADAGRAD, RN_OPTIMIZER_COUNT };
// The update of torch.optim with the same names. The gradient is first multiplied by
// min(1, clip_norm / (norm + 1e-6)) when clip_norm > 0. If norm is given and not finite, nothing
// changes: neither parameter nor state. Element i of param, grad and the states belong together.
typedef struct RnOptimizerStep {
  int32_t kind;
  int64_t n;
  void* param;
  const void* grad;
  void* state[3];    // SGD: momentum buffer if momentum != 0; ADAM(W): m, v; RMSPROP: v, [buf],
                     // [avg]; ADAGRAD: sum
  const void* norm;  // scalar or NULL
  double clip_norm;  // 0: no clipping
  double lr, weight_decay, momentum, dampening, beta1, beta2, eps, alpha, lr_decay;
  int32_t nesterov, centered;
  int64_t step;  // 1 for the first update (bias correction, Adagrad's decay, momentum's first step)
  // Given, the update is of these rows alone, of `features` elements each: row i of grad belongs to
  // row rows[i] of param and the states, to none where param has no such row. None is named twice;
  // n = features times their number. All else stays as it is.
  const int32_t* rows;
  int64_t features, param_rows;
} RnOptimizerStep;

// gflops[0] = f32 multiply-adds in registers on ctx->threads threads, over about `seconds`, as
// 10^9 operations a second (two per multiply-add).
typedef struct RnPeak {
  void* gflops;
  double seconds;
} RnPeak;

#endif  // RNNATIVE_ABI_ARGS_OPTIMIZER_H_

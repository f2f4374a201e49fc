// The global norm and the optimizers' updates over flat arenas, bound by memory: each reads and
// writes every array once. Squares are formed and summed in double, so that neither overflow nor
// cancellation touches a finite gradient. Pieces of a fixed size make the norm's order depend on
// the arenas' sizes only; they are joined by one block. The update reads the norm on the device, so
// the host never waits for it, and a norm that is not finite leaves everything untouched. The
// formulas are those of torch.optim; what depends on the step alone is computed here, in double,
// and sent to a program anew before each launch.
#include <cfloat>
#include <cmath>

#include "cuda/core/block.cuh"
#include "cuda/core/device.cuh"
#include "cuda/core/program.cuh"
#include "cuda/core/vector.cuh"
#include "intrinsics.cuh"
#include "native/abi/backend.h"

namespace rnnative::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kQuads = 16;  // of a thread and piece
constexpr int64_t kPieceSize = int64_t{kThreads} * kQuads * kWide;
constexpr int kArenas = 32;  // of a launch
constexpr int kJoinThreads = 1024;

struct Arenas {
  int count = 0;
  struct {
    const float* g;
    int64_t n, first;  // first: its first piece's number in this launch
  } arena[kArenas];
};

// A block to a piece; squares: [pieces].
__global__ void squares_kernel(Arenas arenas, double* squares) {
  int a = 0;
  while (a + 1 < arenas.count && arenas.arena[a + 1].first <= blockIdx.x) ++a;
  const float* const g = arenas.arena[a].g;
  const int64_t n = arenas.arena[a].n, begin = (blockIdx.x - arenas.arena[a].first) * kPieceSize;
  const bool wide = reinterpret_cast<uintptr_t>(g) % sizeof(Floats<kWide>) == 0;
  double sum = 0;
#pragma unroll 4
  for (int q = 0; q < kQuads; ++q) {
    const int64_t i = begin + (int64_t{q} * kThreads + threadIdx.x) * kWide;
    const Floats<kWide> v = load_either(g + i, n - i, wide, 0);
#pragma unroll
    for (int j = 0; j < kWide; ++j) sum += static_cast<double>(v.at[j]) * v.at[j];
  }
  sum = block_reduce(sum, Add{}, shared_memory());
  if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kJoinThreads)
    norm_kernel(const double* squares, int64_t pieces, float* norm) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < pieces; i += kJoinThreads) sum += squares[i];
  sum = block_reduce(sum, Add{}, shared_memory());
  if (threadIdx.x == 0) *norm = static_cast<float>(sqrt(sum));
}

// RnOptimizerStep in f32, with what follows from the step; beta2 is RMSprop's alpha too.
struct Settings {
  int64_t n;
  float* param;
  const float* grad;
  float* state[3];
  const float* norm;
  const int32_t* rows;
  int64_t features, param_rows;
  float clip, decay, rate, momentum, keep, beta2, mix1, mix2, eps, shrink, unbias;
  bool first, nesterov, centered;
};

// The scale of the gradient by clipping; NaN: there is to be no update.
__device__ __forceinline__ float clip_scale(const Settings& s) {
  if (s.norm == nullptr) return 1;
  const float norm = *s.norm;
  if (!(fabsf(norm) <= FLT_MAX)) return NAN;
  return s.clip > 0 ? fminf(1, s.clip / (norm + 1e-6f)) : 1;
}

// The parameter after the update by gradient g; changes its states.
template <int kKind>
__device__ __forceinline__ float updated(const Settings& s, float p, float g, float (&state)[3]) {
  g += s.decay * p;
  if constexpr (kKind == RN_SGD) {
    if (s.momentum == 0) return p - s.rate * g;
    state[0] = s.first ? g : s.momentum * state[0] + s.keep * g;
    return p - s.rate * (s.nesterov ? g + s.momentum * state[0] : state[0]);
  } else if constexpr (kKind == RN_ADAM || kKind == RN_ADAMW) {
    state[0] += s.mix1 * (g - state[0]);
    state[1] = s.beta2 * state[1] + s.mix2 * g * g;
    return s.shrink * p - s.rate * state[0] / (sqrtf(state[1]) * s.unbias + s.eps);
  } else if constexpr (kKind == RN_RMSPROP) {
    state[0] = s.beta2 * state[0] + s.mix2 * g * g;
    float variance = state[0];
    if (s.centered) {
      state[2] += s.mix2 * (g - state[2]);
      variance -= state[2] * state[2];
    }
    const float update = g / (sqrtf(variance) + s.eps);
    if (s.momentum == 0) return p - s.rate * update;
    state[1] = s.momentum * state[1] + update;
    return p - s.rate * state[1];
  } else {
    state[0] += g * g;
    return p - s.rate * g / (sqrtf(state[0]) + s.eps);
  }
}

// live: the settings of this launch, in a program; else null.
template <int kKind, int kWidth>
__global__ void optimizer_kernel(Settings given, const Settings* live) {
  const Settings s = live != nullptr ? *live : given;
  const float scale = clip_scale(s);
  if (scale != scale) return;
  for (int64_t i = first_index() * kWidth; i < s.n; i += index_stride() * kWidth) {
    const int64_t left = s.n - i;
    int64_t at = i;
    if (s.rows != nullptr) {
      const int32_t row = s.rows[i / s.features];
      if (row < 0 || row >= s.param_rows) continue;
      at = row * s.features + i % s.features;
    }
    Floats<kWidth> p = load<kWidth>(s.param + at, left), state[3] = {};
    const Floats<kWidth> g = load<kWidth>(s.grad + i, left);
#pragma unroll
    for (int k = 0; k < 3; ++k)
      if (s.state[k] != nullptr) state[k] = load<kWidth>(s.state[k] + at, left);
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      float own[3] = {state[0].at[j], state[1].at[j], state[2].at[j]};
      p.at[j] = updated<kKind>(s, p.at[j], g.at[j] * scale, own);
#pragma unroll
      for (int k = 0; k < 3; ++k) state[k].at[j] = own[k];
    }
    store<kWidth>(s.param + at, p, left);
#pragma unroll
    for (int k = 0; k < 3; ++k)
      if (s.state[k] != nullptr) store<kWidth>(s.state[k] + at, state[k], left);
  }
}

Settings settings_of(const RnOptimizerStep& o) {
  Settings s = {};
  s.n = o.n;
  s.param = static_cast<float*>(o.param);
  s.grad = static_cast<const float*>(o.grad);
  for (int k = 0; k < 3; ++k) s.state[k] = static_cast<float*>(o.state[k]);
  s.norm = static_cast<const float*>(o.norm);
  s.rows = o.rows;
  s.features = o.features;
  s.param_rows = o.param_rows;
  const auto step = static_cast<double>(o.step);
  const auto set = [](float& to, double value) { to = static_cast<float>(value); };
  set(s.clip, o.clip_norm);
  set(s.decay, o.kind == RN_ADAMW ? 0 : o.weight_decay);
  set(s.rate, o.lr);
  set(s.momentum, o.momentum);
  set(s.keep, 1 - o.dampening);
  set(s.eps, o.eps);
  set(s.shrink, o.kind == RN_ADAMW ? 1 - o.lr * o.weight_decay : 1);
  s.first = o.step == 1;
  s.nesterov = o.nesterov != 0;
  s.centered = o.centered != 0;
  if (o.kind == RN_ADAM || o.kind == RN_ADAMW) {
    set(s.beta2, o.beta2);
    set(s.mix1, 1 - o.beta1);
    set(s.mix2, 1 - o.beta2);
    set(s.rate, o.lr / (1 - std::pow(o.beta1, step)));
    set(s.unbias, 1 / std::sqrt(1 - std::pow(o.beta2, step)));
  } else if (o.kind == RN_RMSPROP) {
    set(s.beta2, o.alpha);
    set(s.mix2, 1 - o.alpha);
  } else if (o.kind == RN_ADAGRAD) {
    set(s.rate, o.lr / (1 + (step - 1) * o.lr_decay));
  }
  return s;
}

// Of each launch, when recording; null otherwise.
int32_t live_settings(RnContext* ctx, const RnOptimizerStep& args, const Settings** live) {
  *live = nullptr;
  if (!recording()) return RN_OK;
  const Live memory = live_memory(ctx, sizeof(Settings));
  if (memory.device == nullptr) return RN_ERR_OUT_OF_MEMORY;
  *live = static_cast<const Settings*>(memory.device);
  const int32_t update = next_update();
  auto* const to = static_cast<Settings*>(memory.host);
  return before_launch(ctx, [=](RnContext*, const RnProgramRun& run) {
    RnOptimizerStep now = args;
    now.lr = run.rates[update];
    now.step = run.steps[update];
    *to = settings_of(now);
    return int32_t{RN_OK};
  });
}

template <int kKind>
int32_t step_as(RnContext* ctx, const Settings& s, const Settings* live) {
  const bool wide = aligned(s.param, s.grad, s.state[0], s.state[1], s.state[2]) &&
                    (s.rows == nullptr || s.features % kWide == 0);
  return launch(ctx, over(ceil_div(s.n, wide ? kWide : 1)),
                wide ? optimizer_kernel<kKind, kWide> : optimizer_kernel<kKind, 1>, s, live);
}

}  // namespace

int32_t global_norm(RnContext* ctx, const RnGlobalNorm* args) {
  int64_t pieces = 0;
  for (int32_t a = 0; a < args->arenas; ++a) pieces += ceil_div(args->n[a], kPieceSize);
  auto* squares = scratch_of<double>(ctx, pieces);
  if (squares == nullptr) return RN_ERR_OUT_OF_MEMORY;
  Launch how;
  how.block = dim3(kThreads);
  how.shared = kReduceBytes;
  double* next = squares;
  for (int32_t a = 0; a < args->arenas;) {
    Arenas arenas;
    int64_t first = 0;
    for (; a < args->arenas && arenas.count < kArenas; ++a) {
      if (args->n[a] == 0) continue;
      arenas.arena[arenas.count++] = {static_cast<const float*>(args->g[a]), args->n[a], first};
      first += ceil_div(args->n[a], kPieceSize);
    }
    if (first == 0) continue;
    how.grid = dim3(static_cast<unsigned>(first));
    const int32_t status = launch(ctx, how, squares_kernel, arenas, next);
    if (status != RN_OK) return status;
    next += first;
  }
  how.grid = dim3(1);
  how.block = dim3(kJoinThreads);
  return launch(ctx, how, norm_kernel, squares, pieces, static_cast<float*>(args->norm));
}

int32_t optimizer_step(RnContext* ctx, const RnOptimizerStep* args) {
  const Settings s = settings_of(*args);
  const Settings* live = nullptr;
  const int32_t status = live_settings(ctx, *args, &live);
  if (status != RN_OK) return status;
  switch (args->kind) {
    case RN_SGD:
      return step_as<RN_SGD>(ctx, s, live);
    case RN_ADAM:
      return step_as<RN_ADAM>(ctx, s, live);
    case RN_ADAMW:
      return step_as<RN_ADAMW>(ctx, s, live);
    case RN_RMSPROP:
      return step_as<RN_RMSPROP>(ctx, s, live);
    case RN_ADAGRAD:
      return step_as<RN_ADAGRAD>(ctx, s, live);
  }
  return RN_ERR_UNSUPPORTED;
}

}  // namespace rnnative::cuda

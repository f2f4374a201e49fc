// All steps of a layer, all directions, in one launch, forward. A block keeps the rows of R of its
// units on chip for the whole sequence, and their h and c in registers; what crosses blocks is h,
// once a step (exchange.cuh). On the critical path of a step lie only: the arrival of h, the
// product, one barrier for the sums of the warps' parts of K, the gate math, and the sending of h.
// W x is loaded before h is waited for, and what backward needs is stored after h was sent.
#include "cuda/recurrent/persistent/block.cuh"
#include "cuda/recurrent/persistent/product.cuh"

namespace rnnative::cuda {
namespace {

struct Forward {
  PersistentRun run;
  bool training;
  const float *b_ih[2], *b_hh[2];
  const float *h0, *c0;  // [D, B, H] or null
  float* gates;          // [D, N, S*H]
  float *h, *c;          // [N, D*H]; c may be null
  float *hn, *cn;        // [D, B, H]; cn may be null
};

template <class Product>
__global__ void __launch_bounds__(Product::kThreads, 1) forward_kernel(const Forward args) {
  constexpr bool kBf16 = Product::kBf16;
  const PersistentRun& run = args.run;
  const Plan& plan = run.plan;
  char* const shared = shared_memory();
  const BlockPlace place(run);
  Elements own(plan, kBf16, place.unit);
  const auto H = static_cast<int>(run.hidden);
  const int G = run.gates, U = plan.units;

  Product product;
  product.load(plan, shared, [&](int row, int k) {
    const int gate = row / U, unit = place.unit + row % U;
    const bool real = gate < G && unit < H && k < H;
    return real ? run.w_hh[place.direction][(int64_t{gate} * H + unit) * H + k] : 0.0f;
  });
  // [2, G, U]: b_ih, then b_hh
  auto* const bias = reinterpret_cast<float*>(shared + plan.bias_at);
  for (auto n = static_cast<int>(threadIdx.x); n < 2 * G * U; n += static_cast<int>(blockDim.x)) {
    const float* const from = n < G * U ? args.b_ih[place.direction] : args.b_hh[place.direction];
    const int gate = n / U % G, unit = place.unit + n % U;
    bias[n] = from != nullptr && unit < H ? from[int64_t{gate} * H + unit] : 0.0f;
  }

  float h[kElements], c[kElements];
#pragma unroll
  for (int e = 0; e < kElements; ++e) {
    h[e] = c[e] = 0.0f;
    if (own.b[e] >= place.rows || place.unit + own.u[e] >= H) continue;
    const int64_t from = place.state(run, own.u[e], own.b[e]);
    if (args.h0 != nullptr) h[e] = args.h0[from];
    if (args.c0 != nullptr) c[e] = args.c0[from];
  }

  const Exchange exchange(Product::kAlone ? Tier::kBlock : plan.tier, plan.blocks,
                          run.ring + place.group * kRing * plan.words,
                          run.counters + place.group * 32, shared + plan.exchange_at, plan.words,
                          run.last_words);
  const auto send = [&](int version, int count) {
#pragma unroll
    for (int e = 0; e < kElements; ++e)
      put_operand<kBf16>(exchange, version, own.word[e], own.b[e] < count, h[e]);
  };
  const auto clear = [&](int version) {
#pragma unroll
    for (int e = 0; e < kElements; ++e)
      if (own.b[e] < plan.rows) exchange.clear(version, own.word[e]);
  };
  const auto at = [&](int s) {
    return place.at(run, place.direction == 0 ? s : place.steps - 1 - s);
  };

  // Of this block's first unit: in a row of gates, of h.
  const int kept = run.slots * H, width = static_cast<int>(run.directions) * H;
  const int column = place.direction * H + place.unit;
  float* const gates = args.gates + place.direction * run.tokens * kept + place.unit;
  auto* const all_sums = reinterpret_cast<float*>(shared + plan.sums_at);
  const int part_sums = plan.m * plan.ld;
  exchange.start();
  StepRows now = at(0);
  send(0, now.count);
  if (exchange.remote()) __syncthreads();  // biases, R
  exchange.sent();
  exchange.end_step();
  for (int s = 0; s < place.steps; ++s) {
    own.forget();
    const StepRows next = s + 1 < place.steps ? at(s + 1) : StepRows{0, 0};
    float x[kElements][kMaxGates];
    bool live[kElements];  // this element has a step now
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      live[e] = own.b[e] < now.count && place.unit + own.u[e] < H;
      const float* const from = gates + int64_t{now.base + own.b[e]} * kept + own.u[e];
#pragma unroll
      for (int g = 0; g < kMaxGates; ++g)
        if (live[e] && g < G) x[e][g] = from[g * H];
    }
    float* const sums = all_sums + s % plan.sums * plan.parts * part_sums;
    exchange.before_reads(s);
    product.multiply(plan, shared, exchange, s, now.count, sums);
    __syncthreads();

    float slots[kElements][kMaxGates];
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      if (!live[e]) continue;
      with_cell<StepMath<kBf16>>(run.cell, [&]<class Cell>() {
        if constexpr (!Cell::kTwoPhases && !Cell::kOptions) {
          ForwardUnit<Cell, typename Cell::First> unit = {};
          add_all_parts<Product::kAlone>(plan, sums + own.u[e] * plan.ld + own.b[e], U * plan.ld,
                                         unit.r);
#pragma unroll
          for (int g = 0; g < Cell::kGates; ++g) {
            unit.x[g] = x[e][g] + bias[g * U + own.u[e]];
            unit.r[g] += bias[(G + g) * U + own.u[e]];
          }
          unit.h_before = h[e];
          unit.c_before = c[e];
          unit.step();
          h[e] = unit.h_after;
          if (Cell::kHasC) c[e] = unit.c_after;
#pragma unroll
          for (int k = 0; k < Cell::kSlots; ++k) slots[e][k] = unit.slot(k);
        }
      });
    }
    if (s + 1 < place.steps) send(s + 1, next.count);
    exchange.sent();
    exchange.tidy(s, clear);
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      if (!live[e]) continue;
      const int64_t row = now.base + own.b[e], to = row * width + column + own.u[e];
      args.h[to] = h[e];
      if (args.c != nullptr) args.c[to] = c[e];
      if (!args.training) continue;
      float* const slot = gates + row * kept + own.u[e];
#pragma unroll
      for (int k = 0; k < kMaxGates; ++k)
        if (k < run.slots) slot[k * H] = slots[e][k];
    }
    const StepRows far = at(s + kAhead);
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      if (own.b[e] >= far.count || place.unit + own.u[e] >= H) continue;
      const float* const from = gates + int64_t{far.base + own.b[e]} * kept + own.u[e];
      for (int g = 0; g < G; ++g) prefetch_to_l2(from + g * H);
    }
    exchange.end_step();
    if (exchange.remote() && plan.sums == 1) __syncthreads();
    now = next;
  }
#pragma unroll
  for (int e = 0; e < kElements; ++e) {
    if (own.b[e] >= place.rows || place.unit + own.u[e] >= H) continue;
    const int64_t to = place.state(run, own.u[e], own.b[e]);
    if (args.hn != nullptr) args.hn[to] = h[e];
    if (args.cn != nullptr) args.cn[to] = c[e];
  }
}

template <class... Products>
struct Table {
  static constexpr int32_t kCount = sizeof...(Products);
  static constexpr Shape kShapes[kCount] = {Products::kShape...};
  static constexpr void (*kKernels[kCount])(Forward) = {forward_kernel<Products>...};
};
// Threads, row tiles of 16, steps of K of 16 in a warp's part: G U / 16 rows, H / 16 / parts steps.
// 6 steps are those of H = 641 to 768 in a grid.
using Kernels = Table<TensorProduct<512, 1, 4>, TensorProduct<256, 1, 8>, TensorProduct<256, 2, 4>,
                      TensorProduct<256, 2, 6>, TensorProduct<256, 2, 8>, TensorProduct<256, 3, 6>,
                      TensorProduct<256, 3, 8>, TensorProduct<256, 3, 12>, TensorProduct<256, 4, 4>,
                      TensorProduct<256, 4, 6>, TensorProduct<256, 4, 8>, FloatProduct<512, 32, 1>,
                      FloatProduct<256, 16, 1>, FloatProduct<256, 32, 1>, FloatProduct<256, 32, 2>>;

}  // namespace

int32_t persistent_forward(RnContext* ctx, const LayerForward& forward, bool* ran) {
  const Layer& layer = forward.layer;
  Forward args = {};
  args.training = forward.training;
  for (int64_t d = 0; d < layer.directions; ++d) {
    args.b_ih[d] = layer.b_ih[d];
    args.b_hh[d] = layer.b_hh[d];
  }
  args.h0 = layer.h0;
  args.c0 = layer.c0;
  args.gates = forward.gates;
  args.h = forward.h;
  args.c = forward.c;
  args.hn = forward.hn;
  args.cn = forward.cn;
  return run_persistent<Kernels>(ctx, layer, false, args, ran);
}

}  // namespace rnnative::cuda

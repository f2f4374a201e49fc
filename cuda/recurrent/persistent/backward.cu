// All steps of a layer, all directions, in one launch, backward. A block keeps the columns of R of
// its units on chip, and the gradients of their h and c in registers; what crosses blocks is the
// gradient of R's product, for all gates, once a step: dh[u] = sum over gates g and units j of
// R[g H + j][u] d[g][j]. So K is G times as long as forward, and R's slice G times as narrow.
//
// Step s here is the s-th from the end in the direction's own order. It multiplies the gradients
// that step s - 1 put, for the rows that took part in it; a last product after all steps gives dh0.
#include "cuda/core/vector.cuh"
#include "cuda/recurrent/persistent/block.cuh"
#include "cuda/recurrent/persistent/product.cuh"

namespace rnnative::cuda {
namespace {

struct Backward {
  PersistentRun run;
  const float *gates, *h, *c;  // [D, N, S*H], [N, D*H], [N, D*H] or null
  const float *h0, *c0;        // [D, B, H] or null
  const float* dy;             // [N, D*H] or null
  const float *dhn, *dcn;      // [D, B, H] or null
  float* dgates;               // [D, N, S*H]
  RnGrad dh0, dc0;             // [D, B, H]
};

template <class Product>
__global__ void __launch_bounds__(Product::kThreads, 1) backward_kernel(const Backward args) {
  constexpr bool kBf16 = Product::kBf16;
  const PersistentRun& run = args.run;
  const Plan& plan = run.plan;
  char* const shared = shared_memory();
  const BlockPlace place(run);
  Elements own(plan, kBf16, place.unit);
  const auto H = static_cast<int>(run.hidden);
  const int G = run.gates;

  Product product;
  product.load(plan, shared, [&](int row, int k) {
    const int gate = k / plan.padded, from = k % plan.padded, unit = place.unit + row;
    const bool real = row < plan.units && unit < H && gate < G && from < H;
    return real ? run.w_hh[place.direction][(int64_t{gate} * H + from) * H + unit] : 0.0f;
  });

  float dh[kElements], dc[kElements];  // of the state after the step at hand
#pragma unroll
  for (int e = 0; e < kElements; ++e) {
    dh[e] = dc[e] = 0.0f;
    if (own.b[e] >= place.rows || place.unit + own.u[e] >= H) continue;
    const int64_t from = place.state(run, own.u[e], own.b[e]);
    if (args.dhn != nullptr) dh[e] = args.dhn[from];
    if (args.dcn != nullptr) dc[e] = args.dcn[from];
  }

  const Exchange exchange(Product::kAlone ? Tier::kBlock : plan.tier, plan.blocks,
                          run.ring + place.group * kRing * plan.words,
                          run.counters + place.group * 32, shared + plan.exchange_at, plan.words,
                          run.last_words);
  const auto clear = [&](int version) {
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      if (own.b[e] >= plan.rows) continue;
      for (int g = 0; g < G; ++g)
        exchange.clear(version, own.word[e] + g * gate_words<kBf16>(plan));
    }
  };
  const auto at = [&](int s) {
    return place.at(run, place.direction == 0 ? place.steps - 1 - s : s);
  };

  // Of this block's first unit: in a row of gates, of h.
  const int kept = run.slots * H, width = static_cast<int>(run.directions) * H;
  const int column = place.direction * H + place.unit;
  const int64_t first = place.direction * run.tokens * kept + place.unit;
  const float* const gates = args.gates + first;
  float* const dgates = args.dgates + first;
  const bool reads_h = run.reads_h;
  auto* const all_sums = reinterpret_cast<float*>(shared + plan.sums_at);
  const int part_sums = plan.m * plan.ld;
  exchange.start();
  __syncthreads();  // R
  StepRows after = {0, 0}, now = at(0);
  // The last round is only the product of dh0.
  const int rounds = place.steps + (args.dh0.mode != RN_GRAD_SKIP ? 1 : 0);
  for (int s = 0; s < rounds && place.steps > 0; ++s) {
    own.forget();
    const StepRows before = at(s + 1);
    float slots[kElements][kMaxGates], c[kElements], c_before[kElements], h_before[kElements];
    float dy[kElements];
    bool live[kElements];  // this element has a step now
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      live[e] = own.b[e] < now.count && place.unit + own.u[e] < H;
      c[e] = c_before[e] = h_before[e] = 0.0f;
      if (!live[e]) continue;
      const int64_t row = now.base + own.b[e];
#pragma unroll
      for (int k = 0; k < kMaxGates; ++k)
        if (k < run.slots) slots[e][k] = gates[row * kept + k * H + own.u[e]];
      if (args.c != nullptr) c[e] = args.c[row * width + column + own.u[e]];
      if (own.b[e] < before.count) {
        const int64_t from = int64_t{before.base + own.b[e]} * width + column + own.u[e];
        if (args.c != nullptr) c_before[e] = args.c[from];
        if (reads_h) h_before[e] = args.h[from];
      } else {
        const int64_t from = place.state(run, own.u[e], own.b[e]);
        if (args.c0 != nullptr) c_before[e] = args.c0[from];
        if (reads_h && args.h0 != nullptr) h_before[e] = args.h0[from];
      }
      if (args.dy != nullptr) dy[e] = args.dy[row * width + column + own.u[e]];
    }
    if (s > 0) {
      float* const sums = all_sums + s % plan.sums * plan.parts * part_sums;
      exchange.before_reads(s);
      product.multiply(plan, shared, exchange, s, after.count, sums);
      __syncthreads();
    }
    // Not before: the first use of what was loaded above waits for it.
    if (args.dy != nullptr) {
#pragma unroll
      for (int e = 0; e < kElements; ++e)
        if (live[e]) dh[e] += dy[e];
    }
    if (s > 0) {
      const float* const sums = all_sums + s % plan.sums * plan.parts * part_sums;
#pragma unroll
      for (int e = 0; e < kElements; ++e) {
        // A row's dh before its last step is dhn: no sums are added to it.
        if (own.b[e] >= after.count) continue;
        float sum[1] = {};
        add_all_parts<Product::kAlone>(plan, sums + own.u[e] * plan.ld + own.b[e], 0, sum);
        dh[e] += sum[0];
      }
    }
    float d[kElements][kMaxGates];    // by slot
    float put[kElements][kMaxGates];  // of R's product, by gate
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
#pragma unroll
      for (int g = 0; g < kMaxGates; ++g) put[e][g] = 0.0f;
      if (!live[e]) continue;
      with_cell<StepMath<kBf16>>(run.cell, [&]<class Cell>() {
        if constexpr (!Cell::kTwoPhases && !Cell::kOptions) {
          BackwardUnit<Cell> unit;
#pragma unroll
          for (int k = 0; k < Cell::kSlots; ++k) unit.slots[k] = slots[e][k];
          unit.h_before = h_before[e];
          unit.c_before = c_before[e];
          unit.c_after = c[e];
          unit.dh_after = dh[e];
          unit.dc_after = dc[e];
          unit.template step<typename Cell::First>();
          dh[e] = unit.dh_before;
          if (Cell::kHasC) dc[e] = unit.dc_before;
#pragma unroll
          for (int k = 0; k < Cell::kSlots; ++k) d[e][k] = unit.d[k];
#pragma unroll
          for (int g = 0; g < Cell::kGates; ++g) put[e][g] = unit.d[Cell::product_slot(g)];
        }
      });
    }
    if (s + 1 < rounds) {
#pragma unroll
      for (int e = 0; e < kElements; ++e)
#pragma unroll
        for (int g = 0; g < kMaxGates; ++g)
          if (g < G)
            put_operand<kBf16>(exchange, s + 1, own.word[e] + g * gate_words<kBf16>(plan),
                               own.b[e] < now.count, put[e][g]);
    }
    exchange.sent();
    exchange.tidy(s, clear);
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      if (!live[e]) continue;
      float* const to = dgates + int64_t{now.base + own.b[e]} * kept + own.u[e];
#pragma unroll
      for (int k = 0; k < kMaxGates; ++k)
        if (k < run.slots) to[k * H] = d[e][k];
    }
    const StepRows far = at(s + kAhead);
#pragma unroll
    for (int e = 0; e < kElements; ++e) {
      if (own.b[e] >= far.count || place.unit + own.u[e] >= H) continue;
      const int64_t row = far.base + own.b[e], of_h = row * width + column + own.u[e];
      for (int k = 0; k < run.slots; ++k) prefetch_to_l2(gates + row * kept + k * H + own.u[e]);
      if (args.c != nullptr) prefetch_to_l2(args.c + of_h);
      if (args.dy != nullptr) prefetch_to_l2(args.dy + of_h);
      if (reads_h) prefetch_to_l2(args.h + of_h);
    }
    exchange.end_step();
    if (exchange.remote() && plan.sums == 1) __syncthreads();
    after = now;
    now = before;
  }
#pragma unroll
  for (int e = 0; e < kElements; ++e) {
    if (own.b[e] >= place.rows || place.unit + own.u[e] >= H) continue;
    const int64_t to = place.state(run, own.u[e], own.b[e]);
    put(args.dh0, to, dh[e]);
    put(args.dc0, to, dc[e]);
  }
}

template <class... Products>
struct Table {
  static constexpr int32_t kCount = sizeof...(Products);
  static constexpr Shape kShapes[kCount] = {Products::kShape...};
  static constexpr void (*kKernels[kCount])(Backward) = {backward_kernel<Products>...};
};
// Threads, row tiles of 16, steps of K of 16 in a warp's part: U / 16 rows, G H / 16 / parts steps.
template <int kTiles, int kSteps, int kHeld = kSteps>
using SplitProduct = TensorProduct<256, kTiles, kSteps, kHeld, true>;
using Kernels = Table<TensorProduct<512, 1, 4>, TensorProduct<512, 1, 8>, TensorProduct<256, 1, 8>,
                      TensorProduct<256, 2, 8>, SplitProduct<1, 16>, SplitProduct<1, 18>,
                      SplitProduct<1, 24>, SplitProduct<1, 32>, SplitProduct<1, 48, 32>,
                      SplitProduct<2, 16>, FloatProduct<512, 32, 1>, FloatProduct<256, 8, 1>,
                      FloatProduct<256, 16, 1>, FloatProduct<256, 32, 1>>;

}  // namespace

int32_t persistent_backward(RnContext* ctx, const LayerBackward& backward, bool* ran) {
  const Layer& layer = backward.layer;
  Backward args = {};
  args.gates = backward.gates;
  args.h = backward.h;
  args.c = backward.c;
  args.h0 = layer.h0;
  args.c0 = layer.c0;
  args.dy = backward.dy;
  args.dhn = backward.dhn;
  args.dcn = backward.dcn;
  args.dgates = backward.dgates;
  args.dh0 = backward.dh0;
  args.dc0 = backward.dc0;
  return run_persistent<Kernels>(ctx, layer, true, args, ran);
}

}  // namespace rnnative::cuda

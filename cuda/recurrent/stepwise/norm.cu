// Forward steps with layer norm.
#include "cuda/recurrent/stepwise/norm.cuh"

#include <algorithm>

#include "cuda/recurrent/stepwise/forward_unit.cuh"
#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

using forward::Unit;

struct Normed {
  int64_t tokens;
  int64_t first;  // gates that are normalised together
  NormWeights weights[2];
  float *x_hat, *h_hat, *scales;  // LayerForward's
  float* made;
  const float* sums;  // [D, B, G*H], or null: zeros
};

template <class Cell>
__device__ void put_unit(const ForwardStep& s, const Unit& unit, float h_after, float c_after) {
  const bool projects = Cell::kHasC && s.projects;
  const float h_before = projects ? 0.0f : forward::value_of(s.h_before, unit);
  const float c_before = Cell::kHasC ? forward::value_of(s.c_before, unit) : 0.0f;
  forward::zone<Cell::kHasC>(s, unit, projects, &h_after, h_before, &c_after, c_before);
  const float c = Cell::kHasC ? c_after : 0.0f;
  forward::Phase<Cell, typename Cell::First>::put_states(s, unit, projects, h_after, c, h_after, c);
}

// A row whose sums are normalised: its units' cells, h of a cell without a c included.
template <class Cell>
__device__ void run_row(const ForwardStep& s, const Normed& n, const Unit& row, char* shared) {
  constexpr int kGates = Cell::kGates;
  const int64_t hidden = s.hidden, d = row.d, token = d * n.tokens + row.row;
  const int64_t ends[] = {0, n.first * hidden, kGates * hidden};
  float* gates = s.gates + d * s.gate_group + row.row * s.gate_row;
  const float* sums = n.sums ? n.sums + (d * s.rows.batch + row.i) * kGates * hidden : nullptr;
  const auto of_h = [&](int64_t k) { return sums ? sums[k] : 0.0f; };
  NormMoments x[2], h[2];
  for (int b = 0; b < 2; ++b) {
    const int64_t from = ends[b], count = ends[b + 1] - from;
    if (count == 0) continue;
    x[b] = norm_moments(count, shared, [&](int64_t k) { return gates[from + k]; });
    h[b] = norm_moments(count, shared, [&](int64_t k) { return of_h(from + k); });
    if (n.scales && threadIdx.x == 0) {
      n.scales[token * 4 + b] = x[b].inverse;
      n.scales[token * 4 + 2 + b] = h[b].inverse;
    }
  }
  float* made = n.made ? n.made + (d * s.rows.batch + row.i) * hidden : nullptr;
  for (int64_t j = threadIdx.x; j < hidden; j += blockDim.x) {
    const Unit unit(s, d, row.i, j, hidden);
    ForwardUnit<Cell, typename Cell::First> u;
    if constexpr (Cell::kOptions) u.variant = {&s.variant[d], j};
    u.h_before = Cell::kHasC ? 0.0f : forward::value_of(s.h_before, unit);
    u.c_before = Cell::kHasC ? forward::value_of(s.c_before, unit) : 0.0f;
#pragma unroll
    for (int g = 0; g < kGates; ++g) {
      const int64_t at = g * hidden + j;
      const int b = g < n.first ? 0 : 1;
      const float x_hat = (gates[at] - x[b].mean) * x[b].inverse;
      const float h_hat = (of_h(at) - h[b].mean) * h[b].inverse;
      if (n.x_hat) {
        n.x_hat[token * kGates * hidden + at] = x_hat;
        n.h_hat[token * kGates * hidden + at] = h_hat;
      }
      u.x[g] = forward::biased(s.b_ih[d], s, unit, g, n.weights[d].ih[at] * x_hat);
      u.r[g] = forward::biased(s.b_hh[d], s, unit, g, n.weights[d].hh[at] * h_hat);
    }
    u.step();
#pragma unroll
    for (int g = 0; g < kGates; ++g) gates[g * hidden + j] = u.gates[g];
    if (Cell::kKeepsExtra) gates[kGates * hidden + j] = u.kept;
    if constexpr (Cell::kHasC)
      made[j] = u.c_after;
    else
      put_unit<Cell>(s, unit, u.h_after, 0.0f);
  }
  if constexpr (Cell::kHasC) {
    const NormMoments c = norm_moments(hidden, shared, [&](int64_t k) { return made[k]; });
    for (int64_t j = threadIdx.x; j < hidden; j += blockDim.x) {
      const Unit unit(s, d, row.i, j, hidden);
      ForwardUnit<Cell, typename Cell::First> u;
      if constexpr (Cell::kOptions) u.variant = {&s.variant[d], j};
      const float hat = (made[j] - c.mean) * c.inverse;
      const float seen = n.weights[d].c[j] * hat + n.weights[d].c_bias[j];
      const float o = gates[(kGates - 1) * hidden + j];
      put_unit<Cell>(s, unit, o * Cell::outer(u, seen), made[j]);
    }
  }
}

template <class Cell>
__global__ void normed_kernel(ForwardStep s, Normed n, int64_t rows) {
  char* const shared = shared_memory();
  constexpr int kGates = Cell::kGates;
  const int64_t d = blockIdx.y;
  for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
    const Unit row(s, d, i, 0, s.hidden);
    if (row.active) {
      run_row<Cell>(s, n, row, shared);
      continue;
    }
    const float none[kGates] = {};
    for (int64_t j = threadIdx.x; j < s.hidden; j += blockDim.x)
      forward::Phase<Cell, typename Cell::First>::update(s, d, i, j, none);
    if (n.x_hat == nullptr || !s.rows.in_place()) continue;
    const int64_t first = (d * n.tokens + row.row) * kGates * s.hidden;
    for (int64_t k = threadIdx.x; k < kGates * s.hidden; k += blockDim.x)
      n.x_hat[first + k] = n.h_hat[first + k] = 0.0f;
  }
}

}  // namespace

int32_t normed_step(RnContext* ctx, const LayerForward& args, const ForwardStep& step,
                    const StepProduct& product, float* made) {
  const Layer& layer = args.layer;
  const CellTraits cell = traits_of(layer.cell);
  const Normed n = {layer.sequence->tokens,
                    cell.normed,
                    {layer.norms[0], layer.norms[1]},
                    args.x_hat,
                    args.h_hat,
                    args.scales,
                    made,
                    nullptr};
  return launch_normed(ctx, layer, product, cell.gates, step, n,
                       []<class Cell>() { return normed_kernel<Cell>; });
}

}  // namespace rnnative::cuda

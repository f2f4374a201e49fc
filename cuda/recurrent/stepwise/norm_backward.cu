// Backward steps with layer norm.
#include <algorithm>

#include "cuda/recurrent/stepwise/backward_unit.cuh"
#include "cuda/recurrent/stepwise/norm.cuh"
#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

using backward::Unit;

struct Normed {
  int64_t tokens;
  int64_t first;  // gates that are normalised together
  NormWeights weights[2];
  const float *x_hat, *h_hat, *scales;  // LayerBackward's
  float *raw_x, *raw_h, *dseen, *dseen_hat;
  float *hat, *through;  // [D, B, H] of a cell with a c
  const float* sums;     // [D, B, H], or null: zeros
};

// Of a cell whose output sees c' normalised.
template <class Cell>
struct NormedUnit : BackwardUnit<Cell> {
  float c_seen, dc_through;
  float h_passed, c_passed;  // what passes by the cell

  __device__ __forceinline__ float seen(float) const { return c_seen; }
  __device__ __forceinline__ float through(float, float, float dc) const { return dc + dc_through; }
  __device__ __forceinline__ float extra() const {
    if constexpr (Cell::kExtra == cells::Extra::kOfC) return Cell::extra_of(c_seen);
    return this->slots[Cell::kSlots - 1];
  }
};

// A unit with all that reaches it.
template <class Cell>
__device__ NormedUnit<Cell> unit_of(const BackwardStep& s, const Normed& n, const Unit& unit) {
  const bool projects = Cell::kHasC && s.projects;
  NormedUnit<Cell> u;
  if constexpr (Cell::kOptions) u.variant = {&s.variant[unit.d], unit.j};
  float sum = n.sums ? n.sums[unit.state] : 0.0f;
  if (!projects) sum *= s.dropout.factor(s.rows, unit.d, unit.i, unit.j);
  u.dh_after = projects ? sum : backward::state_gradient(s, unit, sum);
  u.h_passed = u.c_passed = 0.0f;
  const float* gates = s.gates + unit.gate(s);
#pragma unroll
  for (int slot = 0; slot < Cell::kSlots; ++slot) u.slots[slot] = gates[slot * s.hidden];
#pragma unroll
  for (float& gradient : u.d) gradient = 0.0f;
  u.h_before = projects ? 0.0f : unit.state_before(s, s.h, s.h0);
  if (s.zoneout.h.present() && !projects)
    u.h_passed = backward::passed(s, s.zoneout.h, unit, &u.dh_after);
  if constexpr (Cell::kHasC) {
    u.dc_after = s.dc[unit.state];
    u.c_before = unit.state_before(s, s.c, s.c0);
    if (s.zoneout.c.present()) u.c_passed = backward::passed(s, s.zoneout.c, unit, &u.dc_after);
  }
  return u;
}

// From the gradient of h to what c' gets through what the output sees of it.
template <class Cell>
__device__ void through_output(const BackwardStep& s, const Normed& n, const Unit& row,
                               char* shared) {
  const int64_t hidden = s.hidden, d = row.d, first = (d * s.rows.batch + row.i) * hidden;
  const int64_t token = (d * n.tokens + row.row) * hidden;
  float *hat = n.hat + first, *through = n.through + first;
  const float *gain = n.weights[d].c, *bias = n.weights[d].c_bias;
  for (int64_t j = threadIdx.x; j < hidden; j += blockDim.x)
    hat[j] = Cell::state(unit_of<Cell>(s, n, Unit(s, d, row.i, j, hidden, s.units)));
  const NormMoments c = norm_moments(hidden, shared, [&](int64_t k) { return hat[k]; });
  for (int64_t j = threadIdx.x; j < hidden; j += blockDim.x) {
    const NormedUnit<Cell> u = unit_of<Cell>(s, n, Unit(s, d, row.i, j, hidden, s.units));
    const float of = (hat[j] - c.mean) * c.inverse, y = Cell::outer(u, gain[j] * of + bias[j]);
    const float dseen = u.dh_after * u.slots[Cell::kGates - 1] * Cell::outer_slope(u, y);
    hat[j] = of;
    through[j] = dseen * gain[j];
    n.dseen[token + j] = dseen;
    n.dseen_hat[token + j] = dseen * of;
  }
  const NormSlopes slopes = norm_slopes(
      hidden, shared, [&](int64_t k) { return through[k]; }, [&](int64_t k) { return hat[k]; });
  for (int64_t j = threadIdx.x; j < hidden; j += blockDim.x)
    through[j] = c.inverse * (through[j] - slopes.mean - slopes.along * hat[j]);
}

template <class Cell>
__device__ void run_row(const BackwardStep& s, const Normed& n, const Unit& row, char* shared) {
  constexpr int kGates = Cell::kGates;
  using Of = typename Cell::First;
  const int64_t hidden = s.hidden, d = row.d;
  const bool projects = Cell::kHasC && s.projects;
  if constexpr (Cell::kHasC) through_output<Cell>(s, n, row, shared);
  float* dgates = s.dgates + row.gate(s);
  for (int64_t j = threadIdx.x; j < hidden; j += blockDim.x) {
    const Unit unit(s, d, row.i, j, hidden, s.units);
    NormedUnit<Cell> u = unit_of<Cell>(s, n, unit);
    if constexpr (Cell::kHasC) {
      u.c_seen = n.weights[d].c[j] * n.hat[unit.state] + n.weights[d].c_bias[j];
      u.dc_through = n.through[unit.state];
    }
    u.dh_before = u.dc_before = 0.0f;
    Of::backward(u);
    if (Cell::kHasC) s.dc[unit.state] = u.dc_before + u.c_passed;
    if (!projects) s.dh[unit.state] = u.dh_before + u.h_passed;
#pragma unroll
    for (int slot = 0; slot < Cell::kSlots; ++slot) dgates[slot * hidden + j] = u.d[slot];
  }
  __syncthreads();  // from here on threads read what others wrote
  const int64_t token = d * n.tokens + row.row;
  const int64_t ends[] = {0, n.first * hidden, kGates * hidden};
  const float *x_hat = n.x_hat + token * kGates * hidden,
              *h_hat = n.h_hat + token * kGates * hidden;
  float *raw_x = n.raw_x + row.gate(s), *raw_h = n.raw_h + row.gate(s);
  for (int b = 0; b < 2; ++b) {
    const int64_t from = ends[b], count = ends[b + 1] - from;
    if (count == 0) continue;
    const auto of_x = [&](int64_t k) { return n.weights[d].ih[from + k] * dgates[from + k]; };
    const auto of_h = [&](int64_t k) {
      const int64_t at = from + k, gate = at / hidden;
      return n.weights[d].hh[at] *
             dgates[Cell::product_slot(static_cast<int>(gate)) * hidden + at % hidden];
    };
    const NormSlopes x =
        norm_slopes(count, shared, of_x, [&](int64_t k) { return x_hat[from + k]; });
    const NormSlopes h =
        norm_slopes(count, shared, of_h, [&](int64_t k) { return h_hat[from + k]; });
    const float x_scale = n.scales[token * 4 + b], h_scale = n.scales[token * 4 + 2 + b];
    for (int64_t k = threadIdx.x; k < count; k += blockDim.x) {
      const int64_t at = from + k;
      const float dx = x_scale * (of_x(k) - x.mean - x.along * x_hat[at]);
      const float dh = h_scale * (of_h(k) - h.mean - h.along * h_hat[at]);
      raw_x[at] = dx;
      raw_h[at] = dh;
      s.more.dgates.put(row.i, at, dx);
      s.next.put(d, row.i, at, dh);
    }
  }
}

template <class Cell>
__global__ void normed_kernel(BackwardStep s, Normed n, int64_t rows) {
  char* const shared = shared_memory();
  const int64_t d = blockIdx.y;
  for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
    const Unit row(s, d, i, 0, s.hidden, s.units);
    if (row.active) {
      run_row<Cell>(s, n, row, shared);
      continue;
    }
    for (int64_t j = threadIdx.x; j < s.hidden; j += blockDim.x) {
      const float sum = n.sums ? n.sums[(d * s.rows.batch + i) * s.hidden + j] : 0.0f;
      backward::Phase<true>::update_cell<Cell>(s, d, i, j, sum);
    }
    if (!s.rows.in_place()) continue;
    for (int64_t k = threadIdx.x; k < s.gate_row; k += blockDim.x)
      n.raw_x[row.gate(s) + k] = n.raw_h[row.gate(s) + k] = 0.0f;
    const int64_t token = (d * n.tokens + row.row) * s.hidden;
    for (int64_t j = threadIdx.x; n.dseen && j < s.hidden; j += blockDim.x)
      n.dseen[token + j] = n.dseen_hat[token + j] = 0.0f;
  }
}

}  // namespace

int32_t normed_step_backward(RnContext* ctx, const LayerBackward& args, const BackwardStep& step,
                             const StepProduct& product, float* rows) {
  const Layer& layer = args.layer;
  const int64_t states = layer.directions * layer.sequence->rows.batch * layer.hidden;
  const Normed n = {layer.sequence->tokens,
                    traits_of(layer.cell).normed,
                    {layer.norms[0], layer.norms[1]},
                    args.x_hat,
                    args.h_hat,
                    args.scales,
                    args.raw_x,
                    args.raw_h,
                    args.dseen,
                    args.dseen_hat,
                    rows,
                    rows ? rows + states : nullptr,
                    nullptr};
  return launch_normed(ctx, layer, product, 1, step, n,
                       []<class Cell>() { return normed_kernel<Cell>; });
}

}  // namespace rnnative::cuda

// The gradients of peepholes: sums over all tokens.
#include "cuda/core/reduction.cuh"
#include "cuda/recurrent/gradient_run.cuh"

namespace rnnative::cuda {
namespace {

// What each token adds to the gradients of peepholes: those of i and f see c before the step, that
// of o c after it. A thread a unit (x) of a token (y).
struct PeepholeTerms {
  Rows rows;
  int64_t tokens, hidden, width, gate_row;
  int32_t direction;
  const float *c, *c0;          // [N, D*H] and [B, H] from the direction's own
  const float *gates, *dgates;  // [N, S*H]
  CellVariant variant;
  float* terms;  // [N, RN_PEEPHOLES*H]
};
template <class Cell>
__global__ void peephole_kernel(PeepholeTerms s) {
  const int64_t j = first_index();
  if (j >= s.hidden) return;
  for (int64_t n = blockIdx.y; n < s.tokens; n += gridDim.y) {
    float* to = s.terms + n * RN_PEEPHOLES * s.hidden + j;
    const int64_t token = s.rows.token(n);
    float seen[RN_PEEPHOLES] = {};
    if (token >= 0) {
      const int64_t t = token / s.rows.batch, i = n - s.rows.row(t, 0);
      const int64_t before = s.rows.row_before(t, i, s.direction);
      if (before >= 0)
        seen[0] = s.c[before * s.width + j];
      else if (s.c0 != nullptr)
        seen[0] = s.c0[s.rows.place(i) * s.hidden + j];
      seen[1] = seen[0];
      // c' is not what zoneout makes of it.
      BackwardUnit<Cell> unit = {};
#pragma unroll
      for (int g = 0; g < Cell::kGates; ++g)
        unit.slots[g] = s.gates[n * s.gate_row + g * s.hidden + j];
      unit.c_before = seen[0];
      unit.variant = {&s.variant, j};
      seen[2] = Cell::state(unit);
    }
#pragma unroll
    for (int k = 0; k < RN_PEEPHOLES; ++k) {
      const float d = s.dgates[n * s.gate_row + Cell::peephole_gate(k) * s.hidden + j];
      to[k * s.hidden] = token < 0 ? 0.0f : d * seen[k];
    }
  }
}

}  // namespace

int32_t peephole_gradients(RnContext* ctx, const GradientRun& run) {
  const RnGrad* grads = run.dslots().slot + RN_P_I;
  if (std::all_of(grads, grads + RN_PEEPHOLES,
                  [](const RnGrad& g) { return g.mode == RN_GRAD_SKIP; }))
    return RN_OK;
  const RnRecurrentDesc& desc = run.desc();
  const Layer& layer = run.layer.layer;
  const int64_t hidden = desc.hidden;
  PeepholeTerms s = {};
  s.rows = layer.sequence->rows;
  s.tokens = run.tokens();
  s.hidden = hidden;
  s.width = run.layout.units;
  s.gate_row = run.gate_row();
  s.direction = static_cast<int32_t>(run.direction);
  s.c = run.layer.c + run.direction * hidden;
  s.c0 = layer.c0 ? layer.c0 + run.direction * desc.batch * hidden : nullptr;
  s.gates = run.own(run.layer.gates);
  s.dgates = run.own(run.layer.dgates);
  s.variant = layer.variant[run.direction];
  s.terms = run.work.terms;
  int32_t status = RN_OK;
  if (s.tokens > 0)
    status = with_cell(desc.cell, [&]<class Cell>() {
      if constexpr (Cell::kPeepholes)
        return launch(ctx, unit_by_token(hidden, s.tokens), peephole_kernel<Cell>, s);
      else
        return static_cast<int32_t>(RN_OK);
    });
  for (int k = 0; status == RN_OK && k < RN_PEEPHOLES; ++k)
    if (grads[k].mode != RN_GRAD_SKIP)
      status =
          sum_columns(ctx, s.terms + k * hidden, s.tokens, hidden, RN_PEEPHOLES * hidden, grads[k]);
  return status;
}

}  // namespace rnnative::cuda

// Which tier runs a layer's steps, and its states' way in and out.
#include "cuda/recurrent/layer.cuh"

#include "cuda/core/vector.cuh"

namespace rnnative::cuda {
namespace {

// One thread for each of [D, B, H]; rows by sorted place i.
__global__ void sort_kernel(Rows rows, int64_t directions, int64_t hidden, const float* from,
                            float* sorted) {
  const int64_t n = directions * rows.batch * hidden;
  for (int64_t at = first_index(); at < n; at += index_stride()) {
    const int64_t j = at % hidden, i = at / hidden % rows.batch, d = at / hidden / rows.batch;
    sorted[at] = from == nullptr ? 0.0f : from[(d * rows.batch + rows.place(i)) * hidden + j];
  }
}

__global__ void unsort_kernel(Rows rows, int64_t directions, int64_t hidden, const float* sorted,
                              RnGrad to) {
  const int64_t n = directions * rows.batch * hidden;
  for (int64_t at = first_index(); at < n; at += index_stride()) {
    const int64_t j = at % hidden, i = at / hidden % rows.batch, d = at / hidden / rows.batch;
    put(to, (d * rows.batch + rows.place(i)) * hidden + j, sorted[at]);
  }
}

// Of the last tier that is asked.
int32_t check_phases(RnContext* ctx, const Layer& layer) {
  if ((layer.phases & ~kStepwisePhases) == 0) return RN_OK;
  return fail(ctx, RN_ERR_UNSUPPORTED, "expected phases that some way of running a layer can");
}

}  // namespace

int32_t forward_steps(RnContext* ctx, const LayerForward& layer) {
  bool ran = false;
  int32_t status = persistent_forward(ctx, layer, &ran);
  if (ran) return status;
  status = check_phases(ctx, layer.layer);
  return status == RN_OK ? stepwise_forward(ctx, layer) : status;
}

int32_t backward_steps(RnContext* ctx, const LayerBackward& layer) {
  bool ran = false;
  int32_t status = persistent_backward(ctx, layer, &ran);
  if (ran) return status;
  status = check_phases(ctx, layer.layer);
  return status == RN_OK ? stepwise_backward(ctx, layer) : status;
}

int32_t sort_states(RnContext* ctx, const Layer& layer, int64_t width, const float* from,
                    float* sorted) {
  const Rows& rows = layer.sequence->rows;
  const int64_t n = layer.directions * rows.batch * width;
  if (n == 0) return RN_OK;
  return launch(ctx, over(n), sort_kernel, rows, layer.directions, width, from, sorted);
}

int32_t unsort_states(RnContext* ctx, const Layer& layer, int64_t width, const float* sorted,
                      const RnGrad& to) {
  const Rows& rows = layer.sequence->rows;
  const int64_t n = layer.directions * rows.batch * width;
  if (n == 0 || to.mode == RN_GRAD_SKIP) return RN_OK;
  return launch(ctx, over(n), unsort_kernel, rows, layer.directions, width, sorted, to);
}

}  // namespace rnnative::cuda

// R as the products of the stepwise tier read it. Backward with few rows reads columns of R, whose
// elements lie a row apart: those are transposed once per version of the weight.
#include "cuda/recurrent/stepwise/steps.cuh"

namespace rnnative::cuda {
namespace {

// The kinds of transposed parts among a weight's packed forms (RnContext.packed).
constexpr uint32_t kPackedColumns = 0x5e00;

constexpr int kTile = 32, kTileRows = 8;

// to[j, i] = from[i, j], i < rows, j < columns; rows of `to` are `ld` apart.
template <class Element>
__global__ void transpose_kernel(const float* from, int64_t rows, int64_t columns, Element* to,
                                 int64_t ld) {
  float* tile = reinterpret_cast<float*>(shared_memory());  // [kTile][kTile + 1]
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t i0 = static_cast<int64_t>(blockIdx.y) * kTile;
  const int64_t j0 = static_cast<int64_t>(blockIdx.x) * kTile;
  for (int r = y; r < kTile; r += kTileRows)
    if (i0 + r < rows && j0 + x < columns)
      tile[r * (kTile + 1) + x] = from[(i0 + r) * columns + j0 + x];
  __syncthreads();
  for (int r = y; r < kTile; r += kTileRows) {
    if (j0 + r >= columns || i0 + x >= rows) continue;
    const float value = tile[x * (kTile + 1) + r];
    Element* at = to + (j0 + r) * ld + i0 + x;
    if constexpr (sizeof(Element) == 2)
      *at = static_cast<uint16_t>(pack_bf16(value, 0.0f));
    else
      *at = value;
  }
}

template <class Element>
int32_t transpose(RnContext* ctx, const float* from, int64_t rows, int64_t columns, Element* to,
                  int64_t ld) {
  Launch how;
  how.block = dim3(kTile, kTileRows);
  how.grid = dim3(static_cast<unsigned>(ceil_div(columns, kTile)),
                  static_cast<unsigned>(ceil_div(rows, kTile)));
  how.shared = sizeof(float) * kTile * (kTile + 1);
  return launch(ctx, how, transpose_kernel<Element>, from, rows, columns, to, ld);
}

// Weights [rows, columns] of both directions as they are, from row `first` on.
int32_t rows_of(RnContext* ctx, const Layer& layer, const RnWeight* w, int64_t rows,
                int64_t columns, int64_t first, bool transposed, StepWeights* weights) {
  weights->transposed = transposed;
  for (int64_t d = 0; d < layer.directions; ++d) {
    Operand all;
    const int32_t status = weight_operand(ctx, layer.precision, w[d], rows, columns, &all);
    if (status != RN_OK) return status;
    weights->w[d] = all.at(first, 0);
  }
  return RN_OK;
}

// `rows` of their rows from `first` on, transposed.
int32_t columns_of(RnContext* ctx, const Layer& layer, const RnWeight* weight, uint32_t kind,
                   int64_t first, int64_t rows, int64_t columns, StepWeights* weights) {
  const bool bf16 = layer.precision == RN_PRECISION_BF16;
  const int64_t ld = bf16 ? bf16_ld(rows) : rows;
  weights->transposed = true;
  for (int64_t d = 0; d < layer.directions; ++d) {
    const RnWeight& w = weight[d];
    int32_t fresh = 1;
    void* data = ctx->packed(ctx->runtime, w.id, w.version, kind + (bf16 ? 128 : 0),
                             static_cast<size_t>(columns * ld) * (bf16 ? 2 : 4), &fresh);
    if (data == nullptr) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for packed weights");
    weights->w[d] = {data, bf16, ld};
    if (fresh == 0) continue;
    const float* from = static_cast<const float*>(w.data) + first * columns;
    const int32_t status =
        bf16 ? transpose(ctx, from, rows, columns, static_cast<uint16_t*>(data), ld)
             : transpose(ctx, from, rows, columns, static_cast<float*>(data), ld);
    if (status != RN_OK) return status;
  }
  return RN_OK;
}

}  // namespace

int32_t recurrent_rows(RnContext* ctx, const Layer& layer, int64_t first, bool transposed,
                       StepWeights* weights) {
  const int64_t rows = traits_of(layer.cell).gates * layer.hidden;
  return rows_of(ctx, layer, layer.w_hh, rows, layer.state, first * layer.hidden, transposed,
                 weights);
}

int32_t recurrent_columns(RnContext* ctx, const Layer& layer, int64_t first, int64_t count,
                          StepWeights* weights) {
  const auto kind = kPackedColumns + static_cast<uint32_t>(16 * first + count);
  return columns_of(ctx, layer, layer.w_hh, kind, first * layer.hidden, count * layer.hidden,
                    layer.state, weights);
}

int32_t projection_rows(RnContext* ctx, const Layer& layer, bool transposed, StepWeights* weights) {
  return rows_of(ctx, layer, layer.w_hr, layer.state, layer.hidden, 0, transposed, weights);
}

int32_t projection_columns(RnContext* ctx, const Layer& layer, StepWeights* weights) {
  return columns_of(ctx, layer, layer.w_hr, kPackedColumns, 0, layer.state, layer.hidden, weights);
}

}  // namespace rnnative::cuda

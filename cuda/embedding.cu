// Gathering rows is a copy. The gradient scatters, and rows of frequent ids are hit thousands of
// times, so scattering dy row by row would need atomics, whose order varies. Instead the host,
// which has the ids, sorts the positions by id (a stable counting sort) and cuts each id's into
// pieces of at most kPiece; a piece is summed in registers, in order of n, a thread to four
// features. An id's only piece goes straight to its row; those of a frequent id become partial
// rows, joined in order by a second kernel, so one very frequent id (the space character) does not
// hold up the rest.
#include <memory>
#include <new>

#include "cuda/memory.cuh"
#include "cuda/ops.cuh"
#include "cuda/walk.cuh"

namespace rnnative::cuda {
namespace {

constexpr int32_t kPiece = 32;  // positions

template <int kWidth>
__global__ void gather_kernel(int64_t rows, int64_t features, const int32_t* ids,
                              const float* table, float* y) {
  const int64_t f = first_column(kWidth);
  if (f >= features) return;
  for (int64_t n = first_row(); n < rows; n += row_stride())
    store<kWidth>(y + n * features + f, load<kWidth>(table + ids[n] * features + f, features - f),
                  features - f);
}

// What the host sends: all in one allocation.
struct Pieces {
  int32_t pieces = 0, joins = 0;
  const int32_t* order;   // [rows] positions, by id
  const int32_t* begin;   // [pieces + 1] places in `order`
  const int32_t* target;  // [pieces] row of dtable, or -1 - partial row
  const int32_t* row;     // [joins] rows of dtable with several pieces
  const int32_t* first;   // [joins + 1] their partial rows
};

// Grid rows are pieces.
template <int kWidth>
__global__ void sum_pieces_kernel(Pieces pieces, int64_t features, const float* dy, float* partial,
                                  RnGrad dtable) {
  const int64_t f = first_column(kWidth);
  if (f >= features) return;
  const int64_t left = features - f;
  for (int64_t piece = first_row(); piece < pieces.pieces; piece += row_stride()) {
    const int32_t end = pieces.begin[piece + 1], target = pieces.target[piece];
    Floats<kWidth> sum = {};
#pragma unroll 4
    for (int32_t i = pieces.begin[piece]; i < end; ++i) {
      const Floats<kWidth> v = load<kWidth>(dy + pieces.order[i] * features + f, left);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) sum.at[j] += v.at[j];
    }
    if (target >= 0)
      put<kWidth>(dtable, target * features + f, sum, left);
    else
      store<kWidth>(partial + (-1 - target) * features + f, sum, left);
  }
}

// Grid rows are joins.
template <int kWidth>
__global__ void join_pieces_kernel(Pieces pieces, int64_t features, const float* partial,
                                   RnGrad dtable) {
  const int64_t f = first_column(kWidth);
  if (f >= features) return;
  const int64_t left = features - f;
  for (int64_t join = first_row(); join < pieces.joins; join += row_stride()) {
    const int32_t end = pieces.first[join + 1];
    Floats<kWidth> sum = {};
#pragma unroll 4
    for (int32_t i = pieces.first[join]; i < end; ++i) {
      const Floats<kWidth> v = load<kWidth>(partial + i * features + f, left);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) sum.at[j] += v.at[j];
    }
    put<kWidth>(dtable, pieces.row[join] * features + f, sum, left);
  }
}

// Sorts and sends. partial_rows: how many the pieces need.
int32_t make_pieces(RnContext* ctx, const RnEmbeddingBackward* args, Pieces* pieces,
                    int32_t* partial_rows) {
  HostIntegers ids;
  const int32_t status = ids.read(ctx, args->ids, args->rows);
  if (status != RN_OK) return status;
  const int64_t rows = args->rows, vocabulary = args->vocabulary;
  const int64_t most_pieces = rows, most_joins = rows / (kPiece + 1) + 1;
  const int64_t size = rows + (most_pieces + 1) + most_pieces + most_joins + (most_joins + 1);
  const std::unique_ptr<int32_t[]> host(new (std::nothrow) int32_t[static_cast<size_t>(size)]);
  const std::unique_ptr<int32_t[]> next(new (std::nothrow)
                                            int32_t[static_cast<size_t>(vocabulary)]());
  if (!host || !next) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for indices");
  int32_t* const order = host.get();
  int32_t* const begin = order + rows;
  int32_t* const target = begin + most_pieces + 1;
  int32_t* const row = target + most_pieces;
  int32_t* const first = row + most_joins;

  for (int64_t n = 0; n < rows; ++n) ++next[ids[n]];
  int32_t placed = 0, partials = 0;
  for (int64_t v = 0; v < vocabulary; ++v) {
    const int32_t count = next[v];
    next[v] = placed;
    if (count > kPiece) {
      row[pieces->joins] = static_cast<int32_t>(v);
      first[pieces->joins++] = partials;
    }
    for (int32_t done = 0; done < count; done += kPiece) {
      begin[pieces->pieces] = placed + done;
      target[pieces->pieces++] = count > kPiece ? -1 - partials++ : static_cast<int32_t>(v);
    }
    placed += count;
  }
  begin[pieces->pieces] = placed;
  first[pieces->joins] = partials;
  for (int64_t n = 0; n < rows; ++n) order[next[ids[n]]++] = static_cast<int32_t>(n);

  int32_t* const sent = scratch_of<int32_t>(ctx, size);
  if (sent == nullptr) return RN_ERR_OUT_OF_MEMORY;
  pieces->order = sent;
  pieces->begin = sent + (begin - order);
  pieces->target = sent + (target - order);
  pieces->row = sent + (row - order);
  pieces->first = sent + (first - order);
  *partial_rows = partials;
  return upload_staged(sent, order, static_cast<size_t>(size) * sizeof(int32_t), ctx->error);
}

}  // namespace

int32_t embedding(RnContext* ctx, const RnEmbedding* args) {
  const int32_t status = check_indices(ctx, "id", args->ids, args->rows, args->vocabulary - 1);
  if (status != RN_OK || args->rows == 0 || args->features == 0) return status;
  const auto* table = static_cast<const float*>(args->table);
  auto* y = static_cast<float*>(args->y);
  const bool wide = args->features % kWide == 0 && aligned(table, y);
  return launch(ctx, over_rows(args->rows, args->features, wide ? kWide : 1),
                wide ? gather_kernel<kWide> : gather_kernel<1>, args->rows, args->features,
                args->ids, table, y);
}

int32_t embedding_backward(RnContext* ctx, const RnEmbeddingBackward* args) {
  int32_t status = check_indices(ctx, "id", args->ids, args->rows, args->vocabulary - 1);
  if (status != RN_OK || args->dtable.mode == RN_GRAD_SKIP || args->features == 0) return status;
  const int64_t features = args->features;
  if (args->dtable.mode == RN_GRAD_WRITE)
    status = copy_or_zero(ctx, args->dtable.data, nullptr, args->vocabulary * features);
  if (status != RN_OK || args->rows == 0) return status;

  Pieces pieces;
  int32_t partial_rows = 0;
  status = make_pieces(ctx, args, &pieces, &partial_rows);
  if (status != RN_OK) return status;
  float* partial = nullptr;
  if (partial_rows > 0) {
    partial = scratch_of<float>(ctx, partial_rows * features);
    if (partial == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  const auto* dy = static_cast<const float*>(args->dy);
  const bool wide = features % kWide == 0 && aligned(dy, partial, args->dtable.data);
  const int width = wide ? kWide : 1;
  status = launch(ctx, over_rows(pieces.pieces, features, width),
                  wide ? sum_pieces_kernel<kWide> : sum_pieces_kernel<1>, pieces, features, dy,
                  partial, args->dtable);
  if (status != RN_OK || pieces.joins == 0) return status;
  return launch(ctx, over_rows(pieces.joins, features, width),
                wide ? join_pieces_kernel<kWide> : join_pieces_kernel<1>, pieces, features, partial,
                args->dtable);
}

}  // namespace rnnative::cuda

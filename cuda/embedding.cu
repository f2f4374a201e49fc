// Gathering rows is a copy. The gradient scatters, and rows of frequent ids are hit thousands of
// times, so scattering dy row by row would need atomics, whose order varies. Instead the host,
// which has the ids, sorts the positions by id (a stable counting sort) and cuts each id's into
// pieces of at most kPiece; a piece is summed in registers, in order of n, a thread to four
// features. An id's only piece goes straight to its row; those of a frequent id become partial
// rows, joined in order by a second kernel, so one very frequent id (the space character) does not
// hold up the rest.
#include <memory>
#include <new>

#include "cuda/core/memory.cuh"
#include "cuda/core/program.cuh"
#include "cuda/core/walk.cuh"
#include "native/abi/backend.h"

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

// How many of each there are, or may be.
struct Counts {
  int64_t pieces, joins, partials;
};
// The most that `rows` positions can need.
Counts most_of(int64_t rows) {
  const int64_t joins = rows / (kPiece + 1) + 1;
  return {rows, joins, rows / kPiece + joins};
}

// What the host sends: all in one allocation, each array with room for the most.
template <class Int>
struct Arrays {
  Int* count;   // [2] pieces, joins
  Int* order;   // [rows] positions, by id
  Int* begin;   // [pieces + 1] places in `order`
  Int* target;  // [pieces] row of dtable, or -1 - partial row
  Int* row;     // [joins] rows of dtable with several pieces
  Int* first;   // [joins + 1] their partial rows

  Arrays(Int* data, int64_t rows)
      : count(data),
        order(count + 2),
        begin(order + rows),
        target(begin + most_of(rows).pieces + 1),
        row(target + most_of(rows).pieces),
        first(row + most_of(rows).joins) {}
  static size_t size(int64_t rows) {
    const Counts most = most_of(rows);
    return static_cast<size_t>(2 + rows + 2 * most.pieces + 1 + 2 * most.joins + 1);
  }
};
using Pieces = Arrays<const int32_t>;

// Grid rows are pieces.
template <int kWidth>
__global__ void sum_pieces_kernel(Pieces pieces, int64_t features, const float* dy, float* partial,
                                  RnGrad dtable) {
  const int64_t f = first_column(kWidth);
  if (f >= features) return;
  const int64_t left = features - f;
  for (int64_t piece = first_row(); piece < pieces.count[0]; piece += row_stride()) {
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
  for (int64_t join = first_row(); join < pieces.count[1]; join += row_stride()) {
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

// Sorts the ids, and sends the pieces to `sent`.
int32_t send_pieces(RnContext* ctx, const int32_t* data, int64_t rows, int64_t vocabulary,
                    int32_t* sent, Counts* counts) {
  HostIntegers ids;
  const int32_t status = ids.read(ctx, data, rows);
  if (status != RN_OK) return status;
  const size_t size = Pieces::size(rows);
  const std::unique_ptr<int32_t[]> host(new (std::nothrow) int32_t[size]);
  const std::unique_ptr<int32_t[]> next(new (std::nothrow)
                                            int32_t[static_cast<size_t>(vocabulary)]());
  if (!host || !next) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for indices");
  const Arrays<int32_t> to(host.get(), rows);

  for (int64_t n = 0; n < rows; ++n) ++next[ids[n]];
  int32_t placed = 0, pieces = 0, joins = 0, partials = 0;
  for (int64_t v = 0; v < vocabulary; ++v) {
    const int32_t same = next[v];
    next[v] = placed;
    if (same > kPiece) {
      to.row[joins] = static_cast<int32_t>(v);
      to.first[joins++] = partials;
    }
    for (int32_t done = 0; done < same; done += kPiece) {
      to.begin[pieces] = placed + done;
      to.target[pieces++] = same > kPiece ? -1 - partials++ : static_cast<int32_t>(v);
    }
    placed += same;
  }
  to.begin[pieces] = placed;
  to.first[joins] = partials;
  for (int64_t n = 0; n < rows; ++n) to.order[next[ids[n]]++] = static_cast<int32_t>(n);
  to.count[0] = pieces;
  to.count[1] = joins;
  *counts = {pieces, joins, partials};
  return upload_staged(sent, host.get(), size * sizeof(int32_t), ctx->error);
}

// To `sent`, of Pieces::size. In a program they are sent again before each launch.
int32_t make_pieces(RnContext* ctx, const RnEmbeddingBackward* args, int32_t* sent,
                    Counts* counts) {
  const auto send = [ids = args->ids, rows = args->rows, vocabulary = args->vocabulary, sent](
                        RnContext* now, Counts* made) {
    return send_pieces(now, ids, rows, vocabulary, sent, made);
  };
  if (!recording()) return send(ctx, counts);
  *counts = most_of(args->rows);
  return before_launch(ctx, [send](RnContext* later, const RnProgramRun&) {
    Counts made;
    return send(later, &made);
  });
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

  const size_t bytes = Pieces::size(args->rows) * sizeof(int32_t);
  auto* const sent =
      static_cast<int32_t*>(recording() ? program_memory(ctx, bytes) : scratch(ctx, bytes));
  if (sent == nullptr) return RN_ERR_OUT_OF_MEMORY;
  const Pieces pieces(sent, args->rows);
  Counts counts = {};
  status = make_pieces(ctx, args, sent, &counts);
  if (status != RN_OK) return status;
  float* partial = nullptr;
  if (counts.partials > 0) {
    partial = scratch_of<float>(ctx, counts.partials * features);
    if (partial == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  const auto* dy = static_cast<const float*>(args->dy);
  const bool wide = features % kWide == 0 && aligned(dy, partial, args->dtable.data);
  const int width = wide ? kWide : 1;
  status = launch(ctx, over_rows(counts.pieces, features, width),
                  wide ? sum_pieces_kernel<kWide> : sum_pieces_kernel<1>, pieces, features, dy,
                  partial, args->dtable);
  if (status != RN_OK || counts.joins == 0) return status;
  return launch(ctx, over_rows(counts.joins, features, width),
                wide ? join_pieces_kernel<kWide> : join_pieces_kernel<1>, pieces, features, partial,
                args->dtable);
}

}  // namespace rnnative::cuda

// Gathering rows is a copy. The gradient scatters, and rows of frequent ids are hit thousands of
// times, so scattering dy row by row would need atomics, whose order varies. Instead the host,
// which has the ids, sorts the positions by id (a stable counting sort) and cuts each id's into
// pieces of at most kPiece; a piece is summed in registers, in order of n, a thread to four
// features. An id's only piece goes straight to its row; those of a frequent id become partial
// rows, joined in order by a second kernel, so one very frequent id (the space character) does not
// hold up the rest.
#include <algorithm>
#include <memory>
#include <new>
#include <vector>

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
  Int* named;   // [rows] of touched_rows alone: the distinct ids, then -1

  Arrays(Int* data, int64_t rows)
      : count(data),
        order(count + 2),
        begin(order + rows),
        target(begin + most_of(rows).pieces + 1),
        row(target + most_of(rows).pieces),
        first(row + most_of(rows).joins),
        named(first + most_of(rows).joins + 1) {}
  static size_t size(int64_t rows, bool names) {
    const Counts most = most_of(rows);
    const int64_t all = 2 + rows + 2 * most.pieces + 1 + 2 * most.joins + 1;
    return static_cast<size_t>(all + (names ? rows : 0));
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

__global__ void name_rows_kernel(Pieces pieces, int64_t capacity, int32_t* touched) {
  for (int64_t i = first_index(); i < capacity; i += index_stride()) touched[i] = pieces.named[i];
}

// Which rows of dy are added up, and where to: the rows of a table, or those of a list of the ids
// that occur, which is made besides.
struct Scatter {
  std::vector<RnIds> lists;
  int64_t rows, vocabulary;  // rows: of all lists together
  bool names;
};

// Lists one after another, -1 in place of ids that count for nothing.
int32_t read_ids(RnContext* ctx, const std::vector<RnIds>& lists, int32_t* ids) {
  for (const RnIds& list : lists) {
    HostIntegers given;
    const int32_t status = given.read(ctx, list.ids, list.count);
    if (status != RN_OK) return status;
    for (int64_t i = 0; i < list.count; ++i) *ids++ = given[i] == list.none ? -1 : given[i];
  }
  return RN_OK;
}

// Sorts the ids, and sends the pieces to `sent`.
int32_t send_pieces(RnContext* ctx, const Scatter& job, int32_t* sent, Counts* counts) {
  const int64_t rows = job.rows;
  const size_t size = Pieces::size(rows, job.names);
  const std::unique_ptr<int32_t[]> ids(new (std::nothrow) int32_t[static_cast<size_t>(rows)]);
  const std::unique_ptr<int32_t[]> host(new (std::nothrow) int32_t[size]);
  const std::unique_ptr<int32_t[]> next(new (std::nothrow)
                                            int32_t[static_cast<size_t>(job.vocabulary)]());
  if (!ids || !host || !next) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for indices");
  const int32_t status = read_ids(ctx, job.lists, ids.get());
  if (status != RN_OK) return status;
  const Arrays<int32_t> to(host.get(), rows);

  for (int64_t n = 0; n < rows; ++n)
    if (ids[n] >= 0) ++next[ids[n]];
  int32_t placed = 0, pieces = 0, joins = 0, partials = 0, named = 0;
  for (int64_t v = 0; v < job.vocabulary; ++v) {
    const int32_t same = next[v];
    next[v] = placed;
    if (same == 0) continue;
    const int32_t target = job.names ? named : static_cast<int32_t>(v);
    if (job.names) to.named[named++] = static_cast<int32_t>(v);
    if (same > kPiece) {
      to.row[joins] = target;
      to.first[joins++] = partials;
    }
    for (int32_t done = 0; done < same; done += kPiece) {
      to.begin[pieces] = placed + done;
      to.target[pieces++] = same > kPiece ? -1 - partials++ : target;
    }
    placed += same;
  }
  to.begin[pieces] = placed;
  to.first[joins] = partials;
  for (int64_t n = 0; n < rows; ++n)
    if (ids[n] >= 0) to.order[next[ids[n]]++] = static_cast<int32_t>(n);
  if (job.names) std::fill_n(to.named + named, rows - named, -1);
  to.count[0] = pieces;
  to.count[1] = joins;
  *counts = {pieces, joins, partials};
  return upload_staged(sent, host.get(), size * sizeof(int32_t), ctx->error);
}

// To `sent`, of Pieces::size. In a program they are sent again before each launch.
int32_t make_pieces(RnContext* ctx, const Scatter& job, int32_t* sent, Counts* counts) {
  if (!recording()) return send_pieces(ctx, job, sent, counts);
  *counts = most_of(job.rows);
  return before_launch(ctx, [job, sent](RnContext* later, const RnProgramRun&) {
    Counts made;
    return send_pieces(later, job, sent, &made);
  });
}

// Adds up rows of dy; what no id names stays as it is. `sent`: where the pieces lie afterwards.
int32_t scatter(RnContext* ctx, const Scatter& job, int64_t features, const void* data,
                const RnGrad& to, int32_t** sent) {
  const size_t bytes = Pieces::size(job.rows, job.names) * sizeof(int32_t);
  *sent = static_cast<int32_t*>(recording() ? program_memory(ctx, bytes) : scratch(ctx, bytes));
  if (*sent == nullptr) return RN_ERR_OUT_OF_MEMORY;
  const Pieces pieces(*sent, job.rows);
  Counts counts = {};
  int32_t status = make_pieces(ctx, job, *sent, &counts);
  if (status != RN_OK || counts.pieces == 0 || features == 0) return status;
  float* partial = nullptr;
  if (counts.partials > 0) {
    partial = scratch_of<float>(ctx, counts.partials * features);
    if (partial == nullptr) return RN_ERR_OUT_OF_MEMORY;
  }
  const auto* dy = static_cast<const float*>(data);
  const bool wide = features % kWide == 0 && aligned(dy, partial, to.data);
  const int width = wide ? kWide : 1;
  status = launch(ctx, over_rows(counts.pieces, features, width),
                  wide ? sum_pieces_kernel<kWide> : sum_pieces_kernel<1>, pieces, features, dy,
                  partial, to);
  if (status != RN_OK || counts.joins == 0) return status;
  return launch(ctx, over_rows(counts.joins, features, width),
                wide ? join_pieces_kernel<kWide> : join_pieces_kernel<1>, pieces, features, partial,
                to);
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
  const Scatter job = {{{args->ids, args->rows, INT64_MIN}}, args->rows, args->vocabulary, false};
  int32_t* sent = nullptr;
  return scatter(ctx, job, features, args->dy, args->dtable, &sent);
}

int32_t touched_rows(RnContext* ctx, const RnTouchedRows* args) {
  const Scatter job = {{args->ids, args->ids + args->lists}, args->rows, args->vocabulary, true};
  int32_t status = RN_OK;
  for (const RnIds& list : job.lists) {
    status = check_indices(ctx, "id", list.ids, list.count, args->vocabulary - 1, list.none);
    if (status != RN_OK) return status;
  }
  if (args->capacity == 0) return RN_OK;
  status = copy_or_zero(ctx, args->sums, nullptr, args->capacity * args->features);
  if (status != RN_OK) return status;
  int32_t* sent = nullptr;
  status = scatter(ctx, job, args->features, args->dy, {args->sums, RN_GRAD_WRITE}, &sent);
  if (status != RN_OK) return status;
  return launch(ctx, over(args->capacity), name_rows_kernel, Pieces(sent, args->rows),
                args->capacity, args->touched);
}

}  // namespace rnnative::cuda

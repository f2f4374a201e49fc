// The host's part of choosing tokens. Penalties are sorted here, so that a kernel finds those of
// its tokens in one place, and adds up those of one token in the order they were given.
#include "cuda/core/choice.cuh"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "cuda/core/memory.cuh"

namespace rnnative::cuda {
namespace {

struct HostInts {
  explicit HostInts(int64_t count)
      : data(static_cast<int32_t*>(std::calloc(static_cast<size_t>(count), sizeof(int32_t)))) {}
  HostInts(const HostInts&) = delete;
  HostInts& operator=(const HostInts&) = delete;
  ~HostInts() { std::free(data); }
  int32_t* data;
};

}  // namespace

int32_t sort_penalties(RnContext* ctx, const RnPenalties& given, int64_t rows, int64_t vocabulary,
                       int64_t size, SortedPenalties* out) {
  *out = {};
  const int64_t n = given.count;
  if (n == 0) return RN_OK;
  int32_t status = check_indices(ctx, "penalty row", given.rows, n, rows - 1);
  if (status == RN_OK)
    status = check_indices(ctx, "penalty token", given.tokens, n, vocabulary - 1);
  HostIntegers row, token;
  if (status == RN_OK) status = row.read(ctx, given.rows, n);
  if (status == RN_OK) status = token.read(ctx, given.tokens, n);
  if (status != RN_OK) return status;

  const int64_t row_parts = ceil_div(vocabulary, size), parts = rows * row_parts;
  const int64_t count = parts + 1 + 2 * n;
  const HostInts host(count);
  if (host.data == nullptr) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for penalties");
  int32_t *first = host.data, *tokens = first + parts + 1, *order = tokens + n;
  for (int64_t i = 0; i < n; ++i) {
    order[i] = static_cast<int32_t>(i);
    ++first[row[i] * row_parts + token[i] / size + 1];
  }
  std::partial_sum(first, first + parts + 1, first);
  const auto before = [&](int32_t a, int32_t b) {
    if (row[a] != row[b]) return row[a] < row[b];
    return token[a] != token[b] ? token[a] < token[b] : a < b;
  };
  if (!std::is_sorted(order, order + n, before)) std::sort(order, order + n, before);
  for (int64_t i = 0; i < n; ++i) tokens[i] = token[order[i]];

  auto* device = scratch_of<int32_t>(ctx, count);
  if (device == nullptr) return RN_ERR_OUT_OF_MEMORY;
  status =
      upload_staged(device, host.data, static_cast<size_t>(count) * sizeof(int32_t), ctx->error);
  *out = {device, device + parts + 1, device + parts + 1 + n,
          static_cast<const float*>(given.values)};
  return status;
}

int32_t Refusal::open(RnContext* ctx) {
  row_ = scratch_of<uint32_t>(ctx, 1);
  if (row_ == nullptr) return RN_ERR_OUT_OF_MEMORY;
  return check(ctx, cudaMemsetAsync(row_, 0xff, sizeof *row_, device().stream));
}

int32_t Refusal::answer(RnContext* ctx) const {
  uint32_t row = 0;
  const int32_t status = download(ctx, &row, row_, sizeof row);
  if (status != RN_OK || row == UINT32_MAX) return status;
  return fail(ctx, RN_ERR_NONFINITE, "row %u: expected scores with a finite maximum and no NaN",
              row);
}

}  // namespace rnnative::cuda

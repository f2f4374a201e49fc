// Packing a ragged batch. The maps are made on the device from the lengths that are there already;
// the host, which has checked them, counts only what its launches need.
#include "cuda/recurrent/sequence.cuh"

#include <algorithm>
#include <new>

#include "cuda/core/program.cuh"

namespace rnnative::cuda {
namespace {

// Places of the rows by falling length, of equals by index, and where each time's rows begin.
// given: [B]; lengths, order: [B]; offsets: [T + 1]. Sums over the batch are short beside the op.
__global__ void sort_kernel(const int32_t* given, int64_t batch, int64_t time, int32_t* lengths,
                            int32_t* order, int32_t* offsets) {
  for (int64_t at = first_index(); at < batch + time + 1; at += index_stride()) {
    int64_t sum = 0;
    if (at < batch) {
      for (int64_t b = 0; b < batch; ++b)
        sum += given[b] > given[at] || (given[b] == given[at] && b < at);
      lengths[sum] = given[at];
      order[sum] = static_cast<int32_t>(at);
    } else {
      const int64_t t = at - batch;
      for (int64_t b = 0; b < batch; ++b) sum += given[b] < t ? given[b] : t;
      offsets[t] = static_cast<int32_t>(sum);
    }
  }
}

// tokens: [N], by the threads of all (t, i).
__global__ void tokens_kernel(Rows rows, int32_t* tokens) {
  for (int64_t at = first_index(); at < rows.time * rows.batch; at += index_stride()) {
    const int64_t t = at / rows.batch, i = at % rows.batch;
    if (t < rows.length(i))
      tokens[rows.row(t, i)] = static_cast<int32_t>(t * rows.batch + rows.place(i));
  }
}

// Moves rows of `width` Values between [N, width] and [time, B, width].
template <class Value>
__global__ void gather_kernel(const int32_t* tokens, int64_t n, int64_t width, const Value* x,
                              Value* packed) {
  for (int64_t at = first_index(); at < n * width; at += index_stride())
    packed[at] = tokens[at / width] < 0 ? Value{} : x[tokens[at / width] * width + at % width];
}

template <class Value>
__global__ void scatter_kernel(const int32_t* tokens, int64_t n, int64_t width, const Value* packed,
                               Value* y) {
  for (int64_t at = first_index(); at < n * width; at += index_stride())
    if (tokens[at / width] >= 0) y[tokens[at / width] * width + at % width] = packed[at];
}

__global__ void scatter_add_kernel(const int32_t* tokens, int64_t n, int64_t width,
                                   const float* packed, float* y) {
  for (int64_t at = first_index(); at < n * width; at += index_stride())
    if (tokens[at / width] >= 0) y[tokens[at / width] * width + at % width] += packed[at];
}

__global__ void clear_idle_kernel(Rows rows, int64_t tokens, int64_t groups, int64_t width,
                                  float* packed) {
  const int64_t real = rows.offsets[rows.time], idle = tokens - real;
  for (int64_t at = first_index(); at < groups * idle * width; at += index_stride()) {
    const int64_t row = at / width, group = row / idle, n = real + row % idle;
    packed[(group * tokens + n) * width + at % width] = 0;
  }
}

bool wide(const void* a, const void* b, int64_t features) {
  return (reinterpret_cast<uintptr_t>(a) | reinterpret_cast<uintptr_t>(b)) % 16 == 0 &&
         features % 4 == 0;
}

int32_t fill_active(RnContext* ctx, const HostIntegers& given, int64_t longest,
                    Sequence* sequence) {
  const int64_t batch = sequence->rows.batch;
  sequence->active.reset(new (std::nothrow) int64_t[static_cast<size_t>(longest) + 1]);
  int64_t* active = sequence->active.get();
  if (active == nullptr) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for lengths");
  std::fill_n(active, longest + 1, 0);
  for (int64_t b = 0; b < batch; ++b) ++active[given[b]];
  // From how many rows have length t to how many are longer.
  for (int64_t t = longest, longer = 0; t >= 0; --t) {
    const int64_t equal = active[t];
    active[t] = longer;
    longer += equal;
  }
  return RN_OK;
}

int64_t sum_of(const HostIntegers& lengths, int64_t batch) {
  int64_t sum = 0;
  for (int64_t b = 0; b < batch; ++b) sum += lengths[b];
  return sum;
}

// Maps of rows.time steps and sequence->tokens rows.
int32_t make_maps(RnContext* ctx, const int32_t* lengths, Sequence* sequence) {
  Rows& rows = sequence->rows;
  const int64_t batch = rows.batch, time = rows.time, n = sequence->tokens;
  int32_t* maps = scratch_of<int32_t>(ctx, 2 * batch + time + 1 + n);
  if (maps == nullptr) return RN_ERR_OUT_OF_MEMORY;
  int32_t *order = maps + batch, *offsets = order + batch, *tokens = offsets + time + 1;
  int32_t status = launch(ctx, over(batch + time + 1, 64), sort_kernel, lengths, batch, time, maps,
                          order, offsets);
  if (status == RN_OK && sequence->idle)
    status = check(ctx, cudaMemsetAsync(tokens, 0xff, static_cast<size_t>(n) * sizeof *tokens,
                                        device().stream));
  if (status != RN_OK) return status;
  rows.lengths = maps;
  rows.order = order;
  rows.offsets = offsets;
  rows.tokens = tokens;
  return launch(ctx, over(time * batch), tokens_kernel, rows, tokens);
}

// Where the lengths of a run are not known: all steps, and rows for as many tokens as there may be.
int32_t record_sequence(RnContext* ctx, const int32_t* lengths, int64_t sum, Sequence* sequence) {
  const int64_t time = sequence->rows.time, batch = sequence->rows.batch;
  const int64_t room = room_for(sum, time * batch);
  const int32_t status = before_launch(ctx, [=](RnContext* later, const RnProgramRun&) {
    HostIntegers now;
    const int32_t read = now.read(later, lengths, batch);
    return read != RN_OK ? read : check_room(later, "tokens", sum_of(now, batch), room);
  });
  if (status != RN_OK) return status;
  sequence->tokens = room;
  sequence->idle = true;
  sequence->active.reset(new (std::nothrow) int64_t[static_cast<size_t>(time) + 1]);
  if (!sequence->active) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for lengths");
  std::fill_n(sequence->active.get(), time + 1, batch);
  return make_maps(ctx, lengths, sequence);
}

}  // namespace

int32_t make_sequence(RnContext* ctx, const int32_t* lengths, int64_t time, int64_t batch,
                      Sequence* sequence) {
  Rows& rows = sequence->rows;
  rows.time = time;
  rows.batch = batch;
  sequence->tokens = time * batch;
  if (lengths == nullptr || batch == 0) return RN_OK;
  int32_t status = check_lengths(ctx, lengths, batch, time);
  HostIntegers given;
  if (status == RN_OK) status = given.read(ctx, lengths, batch);
  if (status != RN_OK) return status;
  const int64_t sum = sum_of(given, batch);
  if (time * batch > INT32_MAX && (recording() || sum < time * batch))
    return fail(ctx, RN_ERR_UNSUPPORTED, "more than 2^31 - 1 steps in a ragged batch");
  if (recording()) return record_sequence(ctx, lengths, sum, sequence);
  if (sum == time * batch) return RN_OK;

  int64_t longest = 0;
  for (int64_t b = 0; b < batch; ++b) longest = std::max<int64_t>(longest, given[b]);
  sequence->tokens = sum;
  rows.time = longest;
  status = fill_active(ctx, given, longest, sequence);
  return status == RN_OK ? make_maps(ctx, lengths, sequence) : status;
}

int32_t gather_rows(RnContext* ctx, const Sequence& sequence, int64_t features, const float* x,
                    float* packed) {
  const int64_t n = sequence.tokens;
  const int32_t* tokens = sequence.rows.tokens;
  if (n * features == 0) return RN_OK;
  if (wide(x, packed, features))
    return launch(ctx, over(n * features / 4), gather_kernel<float4>, tokens, n, features / 4,
                  reinterpret_cast<const float4*>(x), reinterpret_cast<float4*>(packed));
  return launch(ctx, over(n * features), gather_kernel<float>, tokens, n, features, x, packed);
}

int32_t clear_idle(RnContext* ctx, const Sequence& sequence, int64_t groups, int64_t width,
                   float* packed) {
  if (!sequence.idle || groups * sequence.tokens * width == 0) return RN_OK;
  return launch(ctx, over(groups * sequence.tokens * width), clear_idle_kernel, sequence.rows,
                sequence.tokens, groups, width, packed);
}

int32_t scatter_rows(RnContext* ctx, const Sequence& sequence, int64_t time, int64_t features,
                     const float* packed, const RnGrad& y) {
  if (y.mode == RN_GRAD_SKIP) return RN_OK;
  const int64_t n = sequence.tokens;
  const int32_t* tokens = sequence.rows.tokens;
  auto* to = static_cast<float*>(y.data);
  if (y.mode == RN_GRAD_ADD)
    return n * features == 0 ? RN_OK
                             : launch(ctx, over(n * features), scatter_add_kernel, tokens, n,
                                      features, packed, to);
  const int32_t status = copy_or_zero(ctx, to, nullptr, time * sequence.rows.batch * features);
  if (status != RN_OK || n * features == 0) return status;
  if (wide(packed, to, features))
    return launch(ctx, over(n * features / 4), scatter_kernel<float4>, tokens, n, features / 4,
                  reinterpret_cast<const float4*>(packed), reinterpret_cast<float4*>(to));
  return launch(ctx, over(n * features), scatter_kernel<float>, tokens, n, features, packed, to);
}

}  // namespace rnnative::cuda

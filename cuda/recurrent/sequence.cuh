// The rows of a batch over time, packed: work and memory are proportional to real tokens, and no
// kernel has padding to avoid.
//
// Rows of the batch are sorted by falling length, so the rows that take part at time t are the
// first active(t), and those of one time lie together: packed row of (t, i) = offsets[t] + i. A
// dense batch is its own packed form: no maps, no copies, the caller's arrays are used as they are.
//
// Rows in place are for who cannot pack (the decoder): row (t, i) is that of the caller's arrays,
// and only `lengths` tells which rows have a step.
//
// In a program (program.cuh) the lengths are known on the device only. There is room for N rows,
// then, of which the last may be none's (idle rows): x and what is summed over rows are zero there.
#ifndef RNNATIVE_CUDA_RECURRENT_SEQUENCE_CUH_
#define RNNATIVE_CUDA_RECURRENT_SEQUENCE_CUH_

#include <memory>

#include "cuda/core/device.cuh"

namespace rnnative::cuda {

// What kernels know of it; i is a place in sorted order. All pointers are null when dense, and all
// but `lengths` for rows in place.
struct Rows {
  int64_t time;            // T: the longest length, which may be less than the caller's
  int64_t batch;           // B
  const int32_t* lengths;  // [B] falling; in place, as they come
  const int32_t* order;    // [B] sorted place -> row of the caller's batch
  const int32_t* offsets;  // [T + 1] packed row of (t, 0); the last is the sum of the lengths
  const int32_t* tokens;   // [N] packed row -> t * B + b in the caller's arrays; -1 for idle ones

  __device__ int64_t row(int64_t t, int64_t i) const {
    return offsets ? offsets[t] + i : t * batch + i;
  }
  __device__ int64_t length(int64_t i) const { return lengths ? lengths[i] : time; }
  // Whether rows without a step at t have places in arrays nonetheless.
  __host__ __device__ bool in_place() const { return lengths != nullptr && offsets == nullptr; }
  __device__ int64_t active(int64_t t) const {
    return offsets ? offsets[t + 1] - offsets[t] : batch;
  }
  __device__ int64_t token(int64_t n) const { return tokens ? tokens[n] : n; }
  __device__ int64_t place(int64_t i) const { return order ? order[i] : i; }
  // Packed row of the step before (t, i) in the direction's own order; -1: it is the first, which
  // follows the initial state.
  __device__ int64_t row_before(int64_t t, int64_t i, int direction) const {
    if (direction == 0) return t > 0 ? row(t - 1, i) : -1;
    return t + 1 < length(i) ? row(t + 1, i) : -1;
  }
};

// ... and the host, besides.
struct Sequence {
  Rows rows = {};
  int64_t tokens = 0;  // N: the sum of the lengths, or the room for it
  bool idle = false;   // some rows may be
  // [T] active(t), or what it may be at most; null when dense
  std::unique_ptr<int64_t[]> active;

  bool dense() const { return active == nullptr; }
  int64_t active_at(int64_t t) const { return active ? active[t] : rows.batch; }
};

// Checks the lengths [B] (null: all `time`) and packs. The maps live as long as the op.
int32_t make_sequence(RnContext* ctx, const int32_t* lengths, int64_t time, int64_t batch,
                      Sequence* sequence);
// packed[n, :] = x[tokens[n], :], zero for idle rows; not for dense sequences. x: [time, B, F].
int32_t gather_rows(RnContext* ctx, const Sequence& sequence, int64_t features, const float* x,
                    float* packed);
// The reverse: y[tokens[n], :] (+)= packed[n, :], padding zero unless added to. y: [time, B, F].
int32_t scatter_rows(RnContext* ctx, const Sequence& sequence, int64_t time, int64_t features,
                     const float* packed, const RnGrad& y);
// Zeros for the idle rows of groups of packed rows [groups, N, width].
int32_t clear_idle(RnContext* ctx, const Sequence& sequence, int64_t groups, int64_t width,
                   float* packed);
// y = x times the mask of `random` over packed rows [N, width]; y may be x. Row (t, b) of the
// caller's batch draws elements t * width + f of sample b.
int32_t drop_rows(RnContext* ctx, const Sequence& sequence, double p, const RnRandom& random,
                  int64_t width, const float* x, float* y);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_SEQUENCE_CUH_

// What the two directions of the fused cross-entropy share: how the logits are cut, which rows take
// part, and what the reserve holds.
//
// Reserve, all f32: the log-sum-exp of each row that takes part, padded to 64 bytes; then, when
// keeps_logits(), those rows' logits, [chunk of classes][row][class in it]. "Takes part": its
// target is not ignore_index. Rows are numbered without the others from here on ("real rows"), so
// that ignored ones (padding) cost nothing and what they hold, NaN included, touches nothing.
#ifndef RNNATIVE_CPU_CROSS_ENTROPY_PLAN_H_
#define RNNATIVE_CPU_CROSS_ENTROPY_PLAN_H_

#include "native/cpu/core/indices.h"
#include "native/cpu/core/loops.h"
#include "native/cpu/gemm/gemm.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kKeptLogitsBytes = (int64_t)256 << 20;
constexpr int64_t kChunkClasses = 2048;
constexpr int64_t kChunkElements = (int64_t)2 << 20;  // of one chunk of logits in scratch

inline bool keeps_logits(int64_t rows, int64_t classes) {
  return rows * classes * (int64_t)sizeof(float) <= kKeptLogitsBytes;
}
inline int64_t stats_floats(int64_t rows) {
  return round_up(rows, 16);
}

// Chunks of classes: a row's sums are formed chunk by chunk, so their size depends on the number of
// classes alone. Chunks of rows: so that a chunk's logits fit into cache.
struct Plan {
  int64_t real_rows;
  const int32_t* row_of;  // [real_rows] positions in the batch; NULL: all of them, in order
  const float* x;         // [real_rows, features]
  int64_t class_chunk, row_chunk;

  int64_t row(int64_t i) const { return row_of ? row_of[i] : i; }
};

// Copies the rows that take part together, if some do not. RN_OK or RN_ERR_OUT_OF_MEMORY.
inline int32_t make_plan(RnContext* ctx, const RnLinearCrossEntropy* args, Plan* plan) {
  *plan = {args->rows, nullptr, (const float*)args->x, 0, 0};
  int64_t real = 0;
  for (int64_t i = 0; i < args->rows; ++i) real += args->targets[i] != args->ignore_index;
  if (real < args->rows) {
    int32_t* row_of = (int32_t*)scratch_floats(ctx, real);
    if (!row_of) return RN_ERR_OUT_OF_MEMORY;
    int64_t count = 0;
    for (int64_t i = 0; i < args->rows; ++i)
      if (args->targets[i] != args->ignore_index) row_of[count++] = (int32_t)i;
    plan->real_rows = real;
    plan->row_of = row_of;
    if (args->weight.data) {
      const int64_t features = args->features;
      float* x = scratch_floats(ctx, real * features);
      if (!x) return RN_ERR_OUT_OF_MEMORY;
      parallel_items(ctx, real, features, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          memcpy(x + i * features, (const float*)args->x + row_of[i] * features,
                 (size_t)features * sizeof(float));
      });
      plan->x = x;
    }
  }
  const int64_t chunks = (args->classes + kChunkClasses - 1) / kChunkClasses;
  plan->class_chunk =
      chunks > 1 ? round_up((args->classes + chunks - 1) / chunks, 64) : args->classes;
  const int64_t most_rows = kChunkElements / plan->class_chunk + 1;
  const int64_t row_chunks = (plan->real_rows + most_rows - 1) / most_rows;
  plan->row_chunk = row_chunks > 1 ? round_up((plan->real_rows + row_chunks - 1) / row_chunks, 48)
                                   : plan->real_rows;
  return RN_OK;
}

// One chunk of logits: real rows row0 .. row0 + rows, classes class0 .. class0 + classes.
struct LogitsChunk {
  int64_t row0, rows, class0, classes;
};

// Where the reserve keeps a chunk's logits, its rows one after another.
inline float* kept_logits(const RnLinearCrossEntropy* args, const LogitsChunk& chunk) {
  return (float*)args->reserve + stats_floats(args->rows) + args->rows * chunk.class0 +
         chunk.row0 * chunk.classes;
}

// logits = x W^T + b of one chunk. `packed`: the chunk of W, packed; NULL: all of W is one chunk.
inline int32_t project(RnContext* ctx, const RnLinearCrossEntropy* args, const Plan& plan,
                       const LogitsChunk& chunk, const void* packed, float* logits, int64_t ld) {
  const int64_t features = args->features;
  const float* bias = (const float*)args->bias;
  return gemm(ctx, {.precision = args->precision,
                    .m = chunk.rows,
                    .n = chunk.classes,
                    .k = features,
                    .a = plan.x + chunk.row0 * features,
                    .lda = features,
                    .trans_a = false,
                    .b = args->weight,
                    .ldb = features,
                    .trans_b = true,
                    .c = logits,
                    .ldc = ld,
                    .accumulate = false,
                    .bias = bias ? bias + chunk.class0 : nullptr,
                    .packed_kind = 0,
                    .packed_b = packed});
}

// Packs rows class0 .. class0 + classes of W once for all chunks of rows: as W^T for the logits
// (transposed) or as W for the gradient of x. `packed` holds packed_bytes() of the largest chunk.
inline void pack_classes(RnContext* ctx, const RnLinearCrossEntropy* args, const LogitsChunk& chunk,
                         bool transposed, void* packed) {
  const float* w = (const float*)args->weight.data + chunk.class0 * args->features;
  const int64_t k = transposed ? args->features : chunk.classes;
  const int64_t n = transposed ? chunk.classes : args->features;
  pack_matrix(ctx, args->precision, w, args->features, transposed, k, n, nullptr, packed);
}

}  // namespace
}  // namespace rnnative::cpu::RN_ISA

#endif  // RNNATIVE_CPU_CROSS_ENTROPY_PLAN_H_

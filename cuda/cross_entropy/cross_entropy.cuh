// What the two directions of the fused cross-entropy share: which rows take part, how they are cut
// into chunks, and what the reserve holds.
//
// "Takes part": its target is not ignore_index. With a projection such rows are gathered and
// numbered without the others ("real rows"), so that padding costs nothing and what it holds, NaN
// included, touches nothing. Without one there is nothing to gather: all rows are real rows, and
// kernels leave out those that do not take part. In a program (program.cuh) there is room for as
// many as may take part; places that are none's have zeros for x. With room for all nothing is
// gathered, and x has to be finite everywhere.
//
// Reserve, all f32: of each real row the maximum of its logits and the logarithm of the sum of
// exp(logit - maximum), apart, since their sum would round away what large logits leave of it;
// then, with a projection and when keeps_logits(), the real rows' logits.
#ifndef RNNATIVE_CUDA_CROSS_ENTROPY_CROSS_ENTROPY_CUH_
#define RNNATIVE_CUDA_CROSS_ENTROPY_CROSS_ENTROPY_CUH_

#include "cuda/core/block.cuh"
#include "cuda/core/device.cuh"
#include "cuda/core/vector.cuh"
#include "cuda/gemm/gemm.cuh"

namespace rnnative::cuda {

constexpr int64_t kKeptLogitsBytes = int64_t{256} << 20;
constexpr int64_t kChunkBytes = int64_t{128} << 20;  // of logits in scratch

inline bool keeps_logits(int64_t rows, int64_t classes) {
  return rows * classes * static_cast<int64_t>(sizeof(float)) <= kKeptLogitsBytes;
}
// In front of the logits, which begin at a multiple of 64 bytes.
inline int64_t stats_floats(int64_t rows) {
  return ceil_div(2 * rows, 16) * 16;
}

struct CrossEntropyRows {
  int64_t real = 0;
  // [real] positions in the batch, -1 for none; null: all of them, in order
  const int32_t* row_of = nullptr;
  const float* x = nullptr;  // [real, features]
  int64_t chunk = 0;         // real rows at once; follows from the number of classes
  Bf16Matrix weight = {};    // with RN_PRECISION_BF16, where there is memory for it
};

// Checks the targets, gathers the real rows and rounds the weight.
int32_t prepare(RnContext* ctx, const RnLinearCrossEntropy& args, CrossEntropyRows* rows);
// logits [count, classes] = x W^T + b of real rows first .. first + count - 1.
int32_t project(RnContext* ctx, const RnLinearCrossEntropy& args, const CrossEntropyRows& rows,
                int64_t first, int64_t count, float* logits);
// The weight as the right operand of a product.
void set_weight(Gemm* product, const RnLinearCrossEntropy& args, const CrossEntropyRows& rows);

// A row of logits gets a block of this many threads; four logits a thread at a time.
inline int threads_of_row(int64_t classes) {
  if (classes <= 256) return 32;
  return classes <= 4096 ? 128 : 512;
}

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CROSS_ENTROPY_CROSS_ENTROPY_CUH_

// Layer normalisation (Ba et al. 2016). The variance is formed in a second pass around the mean,
// since the one-pass formula cancels; a row is in cache by then. The gradients of gain and bias are
// summed over blocks of rows of a fixed size, which are joined in double, in order.
#include <math.h>

#include "native/abi/backend.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kRowsPerBlock = 64;

struct Moments {
  float mean, inverse;  // inverse: 1 / sqrt(var + eps)
};

Moments moments(const float* x, int64_t n, double eps) {
  const double mean = sum_lanes(n, [=](int64_t i, auto at) { return at.load(x + i); }) / (double)n;
  const vf shift = splat((float)mean);
  const double squares = sum_lanes(n, [=](int64_t i, auto at) {
    const vf d = at.load(x + i) - shift;
    return at.keep(d * d, 0);
  });
  return {(float)mean, (float)(1.0 / ::sqrt(squares / (double)n + eps))};
}

// dx (+)= inverse * (g - mean(g) - xhat * mean(g * xhat)), g = dy * gain.
template <bool kAdd>
void row_backward(const float* x, const float* gain, Moments m, const float* dy, float* dx,
                  int64_t n) {
  const vf mean = splat(m.mean), inverse = splat(m.inverse);
  const auto g_at = [=](int64_t i, auto at) {
    return gain ? at.load(dy + i) * at.load(gain + i) : at.load(dy + i);
  };
  const double sum_g = sum_lanes(n, g_at);
  const double sum_gx = sum_lanes(
      n, [=](int64_t i, auto at) { return g_at(i, at) * ((at.load(x + i) - mean) * inverse); });
  const vf mean_g = splat((float)(sum_g / (double)n)), mean_gx = splat((float)(sum_gx / (double)n));
  each_vector(0, n, [=](int64_t i, auto at) {
    const vf normal = (at.load(x + i) - mean) * inverse;
    put<kAdd>(at, dx + i, inverse * (g_at(i, at) - mean_g - normal * mean_gx));
  });
}

Moments saved_moments(const RnLayerNormBackward* args, int64_t row) {
  const float* saved = (const float*)args->saved + 2 * row;
  return {saved[0], saved[1]};
}

// sums[0] += dy * xhat, sums[1] += dy over the rows of a block; sums: [2, features].
void sum_block(const RnLayerNormBackward* args, int64_t block, float* sums) {
  const int64_t n = args->features, first = block * kRowsPerBlock;
  const int64_t last = args->rows - first < kRowsPerBlock ? args->rows : first + kRowsPerBlock;
  memset(sums, 0, (size_t)(2 * n) * sizeof(float));
  for (int64_t row = first; row < last; ++row) {
    const float *x = (const float*)args->x + row * n, *dy = (const float*)args->dy + row * n;
    const Moments m = saved_moments(args, row);
    const vf mean = splat(m.mean), inverse = splat(m.inverse);
    each_vector(0, n, [=](int64_t i, auto at) {
      const vf d = at.load(dy + i);
      put<true>(at, sums + i, d * ((at.load(x + i) - mean) * inverse));
      put<true>(at, sums + n + i, d);
    });
  }
}

// Joins column i of every block into a gradient.
void join(const RnGrad& grad, const float* partial, int64_t blocks, int64_t stride, int64_t begin,
          int64_t end) {
  if (grad.mode == RN_GRAD_SKIP) return;
  float* out = (float*)grad.data;
  for (int64_t i = begin; i < end; ++i) {
    double total = grad.mode == RN_GRAD_ADD ? out[i] : 0;
    for (int64_t block = 0; block < blocks; ++block) total += partial[block * stride + i];
    out[i] = (float)total;
  }
}

}  // namespace

int32_t layer_norm(RnContext* ctx, const RnLayerNorm* args) {
  const int64_t n = args->features;
  const float *gain = (const float*)args->gain, *bias = (const float*)args->bias;
  parallel_items(ctx, args->rows, n, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* x = (const float*)args->x + row * n;
      float* y = (float*)args->y + row * n;
      const Moments m = moments(x, n, args->eps);
      if (args->saved) {
        ((float*)args->saved)[2 * row] = m.mean;
        ((float*)args->saved)[2 * row + 1] = m.inverse;
      }
      const vf mean = splat(m.mean), inverse = splat(m.inverse);
      each_vector(0, n, [=](int64_t i, auto at) {
        vf v = (at.load(x + i) - mean) * inverse;
        if (gain) v *= at.load(gain + i);
        if (bias) v += at.load(bias + i);
        at.store(y + i, v);
      });
    }
  });
  return RN_OK;
}

int32_t layer_norm_backward(RnContext* ctx, const RnLayerNormBackward* args) {
  const int64_t n = args->features;
  if (args->dx.mode != RN_GRAD_SKIP) {
    const auto row_kernel = args->dx.mode == RN_GRAD_ADD ? row_backward<true> : row_backward<false>;
    parallel_items(ctx, args->rows, n, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        row_kernel((const float*)args->x + row * n, (const float*)args->gain,
                   saved_moments(args, row), (const float*)args->dy + row * n,
                   (float*)args->dx.data + row * n, n);
    });
  }
  if (args->dgain.mode == RN_GRAD_SKIP && args->dbias.mode == RN_GRAD_SKIP) return RN_OK;
  const int64_t blocks = (args->rows + kRowsPerBlock - 1) / kRowsPerBlock;
  float* partial = scratch_floats(ctx, blocks * 2 * n);
  if (!partial) return RN_ERR_OUT_OF_MEMORY;
  parallel_items(ctx, blocks, kRowsPerBlock * n, [=](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block)
      sum_block(args, block, partial + block * 2 * n);
  });
  parallel_items(ctx, n, 2 * blocks, [=](int64_t begin, int64_t end) {
    join(args->dgain, partial, blocks, 2 * n, begin, end);
    join(args->dbias, partial + n, blocks, 2 * n, begin, end);
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

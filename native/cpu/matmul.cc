// Matrix products and column sums: thin fronts of gemm/. Column sums are formed in blocks of rows
// of a fixed size, so that their error does not grow with the number of rows and their order does
// not depend on the threads, which split the columns.
#include "native/abi/backend.h"
#include "native/abi/int8.h"
#include "native/cpu/core/parallel.h"
#include "native/cpu/gemm/gemm.h"
#include "native/cpu/gemm/int8.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int64_t kRowsPerBlock = 64;
constexpr int kVectorsPerStrip = 4;

// One strip of up to kVectorsPerStrip vectors of columns.
void sum_strip(int64_t rows, int64_t width, const float* x, int64_t ldx, float* y,
               bool accumulate) {
  vf total[kVectorsPerStrip] = {};
  int64_t count[kVectorsPerStrip];
  for (int v = 0; v < kVectorsPerStrip; ++v) {
    const int64_t rest = width - v * kLanes;
    count[v] = rest < 0 ? 0 : rest < kLanes ? rest : kLanes;
  }
  const bool full = width == kVectorsPerStrip * kLanes;
  for (int64_t i0 = 0; i0 < rows; i0 += kRowsPerBlock) {
    const int64_t end = rows - i0 < kRowsPerBlock ? rows : i0 + kRowsPerBlock;
    vf block[kVectorsPerStrip] = {};
    for (int64_t i = i0; i < end; ++i)
      for (int v = 0; v < kVectorsPerStrip; ++v) {
        const float* p = x + i * ldx + v * kLanes;
        if (full) {
          block[v] = block[v] + load(p);
        } else if (count[v] > 0) {
          block[v] = block[v] + load_first(p, count[v]);
        }
      }
    for (int v = 0; v < kVectorsPerStrip; ++v) total[v] = total[v] + block[v];
  }
  for (int v = 0; v < kVectorsPerStrip; ++v) {
    if (count[v] == 0) continue;
    if (accumulate) total[v] = total[v] + load_first(y + v * kLanes, count[v]);
    store_first(y + v * kLanes, total[v], count[v]);
  }
}

}  // namespace

void sum_columns(RnContext* ctx, int64_t rows, int64_t columns, const float* x, int64_t ldx,
                 float* y, bool accumulate) {
  constexpr int64_t kStrip = kVectorsPerStrip * kLanes;
  const int64_t strips = (columns + kStrip - 1) / kStrip;
  const int64_t serial_strips = 32768 / (rows * kStrip + 1);
  parallel_for(ctx, strips, serial_strips, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      const int64_t j = s * kStrip, width = columns - j < kStrip ? columns - j : kStrip;
      sum_strip(rows, width, x + j, ldx, y + j, accumulate);
    }
  });
}

int32_t matmul(RnContext* ctx, const RnMatmul* args) {
  if (args->c.mode == RN_GRAD_SKIP) return RN_OK;
  const int64_t m = args->m, n = args->n, k = args->k;
  const Gemm g = {.precision = args->precision,
                  .m = m,
                  .n = n,
                  .k = k,
                  .a = (const float*)args->a,
                  .lda = args->trans_a ? m : k,
                  .trans_a = args->trans_a != 0,
                  .b = args->b,
                  .ldb = args->trans_b ? k : n,
                  .trans_b = args->trans_b != 0,
                  .c = (float*)args->c.data,
                  .ldc = n,
                  .accumulate = args->c.mode == RN_GRAD_ADD,
                  .bias = (const float*)args->bias,
                  .packed_kind = 0,
                  .packed_b = nullptr};
  if (args->precision == RN_PRECISION_INT8)
    return args->groups == 1 ? gemm_int8(ctx, g) : (int32_t)RN_ERR_UNSUPPORTED;
  if (args->groups == 1) return gemm(ctx, g);
  return gemm_batched(ctx, g, args->groups, m * k, k * n, m * n);
}

int32_t column_sum(RnContext* ctx, const RnColumnSum* args) {
  if (args->y.mode == RN_GRAD_SKIP) return RN_OK;
  sum_columns(ctx, args->rows, args->columns, (const float*)args->x, args->columns,
              (float*)args->y.data, args->y.mode == RN_GRAD_ADD);
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

// Gathering rows is a copy. The gradient scatters, and rows of frequent ids are hit thousands of
// times, so scattering dy row by row would race. Instead the positions are sorted by id (a stable
// counting sort); then each row of dtable is summed by one thread in registers, in order of n, and
// stored once. The work is a line of (group of features, row) items laid out by their cost, of
// which each thread takes an equal part: one very frequent id (the space character) does not hold
// up the team. What an item computes does not depend on the thread that takes it.
#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int kVectors = 4;  // of features, summed in registers at a time
constexpr int64_t kBlock = kVectors * kLanes;
constexpr int64_t kRowsPerSum = 64;  // rows added up before they join the total, for accuracy

// Positions of the batch ordered by id: those of row v are order[start[v]] .. order[start[v + 1] -
// 1].
struct Buckets {
  int32_t* start;  // [vocabulary + 1]
  int32_t* order;  // [rows]
};

// Negative ids are left out.
bool sort_by_id(RnContext* ctx, const int32_t* ids, int64_t rows, int64_t vocabulary,
                Buckets* buckets) {
  const size_t entries = (size_t)vocabulary + 2;
  int32_t* count = (int32_t*)ctx->scratch(ctx->runtime, entries * sizeof(int32_t));
  int32_t* order = (int32_t*)scratch_floats(ctx, rows);
  if (!count || !order) return false;
  // Counts lie two places ahead of their id, so that after the running sum next[id] is where id's
  // positions start, and after placing them it is where the next id's start.
  int32_t* next = count + 1;
  memset(count, 0, entries * sizeof(int32_t));
  for (int64_t n = 0; n < rows; ++n)
    if (ids[n] >= 0) ++next[ids[n] + 1];
  for (int64_t v = 0; v < vocabulary; ++v) next[v + 1] += next[v];
  for (int64_t n = 0; n < rows; ++n)
    if (ids[n] >= 0) order[next[ids[n]]++] = (int32_t)n;
  *buckets = {count, order};
  return true;
}

// Sums the rows order[0..count-1] of dy over one block of features.
template <class Load>
RN_INLINE void sum_block(vf total[kVectors], const int32_t* order, int64_t count,
                         const Load& load_v) {
  for (int v = 0; v < kVectors; ++v) total[v] = zero();
  for (int64_t first = 0; first < count; first += kRowsPerSum) {
    const int64_t last = count - first < kRowsPerSum ? count : first + kRowsPerSum;
    vf part[kVectors] = {};
    for (int64_t i = first; i < last; ++i)
      for (int v = 0; v < kVectors; ++v) part[v] += load_v(order[i], v);
    for (int v = 0; v < kVectors; ++v) total[v] += part[v];
  }
}

void sum_item(const RnEmbeddingBackward* args, const Buckets& buckets, int64_t row, int64_t f0) {
  const float* dy = (const float*)args->dy + f0;
  float* out = (float*)args->dtable.data + row * args->features + f0;
  const int32_t* order = buckets.order + buckets.start[row];
  const int64_t count = buckets.start[row + 1] - buckets.start[row];
  const bool add = args->dtable.mode == RN_GRAD_ADD;
  if (count == 0 && add) return;
  const int64_t rest = args->features - f0;
  vf total[kVectors];
  if (rest >= kBlock) {
    sum_block(total, order, count,
              [=](int64_t n, int v) { return load(dy + n * args->features + v * kLanes); });
    for (int v = 0; v < kVectors; ++v) {
      float* p = out + v * kLanes;
      store(p, add ? load(p) + total[v] : total[v]);
    }
    return;
  }
  int64_t width[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    const int64_t left = rest - v * kLanes;
    width[v] = left < 0 ? 0 : left < kLanes ? left : kLanes;
  }
  sum_block(total, order, count, [&](int64_t n, int v) {
    return width[v] ? load_first(dy + n * args->features + v * kLanes, width[v]) : zero();
  });
  for (int v = 0; v < kVectors && width[v]; ++v) {
    float* p = out + v * kLanes;
    store_first(p, add ? load_first(p, width[v]) + total[v] : total[v], width[v]);
  }
}

// How many groups the features are cut into. One keeps whole rows of a large table together; where
// one id alone has a large part of the batch, its row's groups go to different threads.
int64_t feature_groups(const RnEmbeddingBackward* args, const Buckets& buckets) {
  int64_t most = 0;
  for (int64_t v = 0; v < args->vocabulary; ++v) {
    const int64_t count = buckets.start[v + 1] - buckets.start[v];
    if (count > most) most = count;
  }
  if (most < (args->rows + args->vocabulary) / 64) return 1;
  return (args->features + kBlock - 1) / kBlock;
}

// Row v of dtable from bucket v.
void sum_rows(RnContext* ctx, const RnEmbeddingBackward* args, const Buckets& buckets) {
  // Row v costs 1 for its store and 1 for each row of dy, so it begins at start[v] + v of its
  // group's stretch of the line.
  const int64_t stretch = args->rows + args->vocabulary;
  const int64_t groups = feature_groups(args, buckets);
  const int64_t width = round_up((args->features + groups - 1) / groups, kBlock);
  parallel_items(ctx, groups * stretch, width, [=](int64_t begin, int64_t end) {
    for (int64_t group = begin / stretch; group * stretch < end; ++group) {
      const int64_t from = begin - group * stretch, to = end - group * stretch;
      const int64_t f0 = group * width;
      const int64_t f1 = args->features - f0 < width ? args->features : f0 + width;
      int64_t low = 0, high = args->vocabulary;  // the first row that begins at or after `from`
      while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (buckets.start[middle] + middle < from) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      for (int64_t v = low; v < args->vocabulary && buckets.start[v] + v < to; ++v)
        for (int64_t f = f0; f < f1; f += kBlock) sum_item(args, buckets, v, f);
    }
  });
}

// The ids of all lists, -1 in place of those that count for nothing.
int32_t* joined_ids(RnContext* ctx, const RnTouchedRows* args) {
  int32_t *all = (int32_t*)scratch_floats(ctx, args->rows), *next = all;
  if (!all) return NULL;
  for (int32_t l = 0; l < args->lists; ++l) {
    const RnIds& list = args->ids[l];
    for (int64_t i = 0; i < list.count; ++i) *next++ = list.ids[i] == list.none ? -1 : list.ids[i];
  }
  return all;
}

}  // namespace

int32_t embedding(RnContext* ctx, const RnEmbedding* args) {
  const int32_t status = check_indices(ctx, "id", args->ids, args->rows, args->vocabulary - 1);
  if (status != RN_OK) return status;
  const int64_t features = args->features;
  parallel_items(ctx, args->rows, features, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      memcpy((float*)args->y + n * features, (const float*)args->table + args->ids[n] * features,
             (size_t)features * sizeof(float));
    }
  });
  return RN_OK;
}

int32_t embedding_backward(RnContext* ctx, const RnEmbeddingBackward* args) {
  const int32_t status = check_indices(ctx, "id", args->ids, args->rows, args->vocabulary - 1);
  if (status != RN_OK || args->dtable.mode == RN_GRAD_SKIP) return status;
  if (args->features == 0) return RN_OK;
  Buckets buckets;
  if (!sort_by_id(ctx, args->ids, args->rows, args->vocabulary, &buckets))
    return RN_ERR_OUT_OF_MEMORY;
  sum_rows(ctx, args, buckets);
  return RN_OK;
}

int32_t touched_rows(RnContext* ctx, const RnTouchedRows* args) {
  for (int32_t l = 0; l < args->lists; ++l) {
    const RnIds& list = args->ids[l];
    const int32_t status =
        check_indices(ctx, "id", list.ids, list.count, args->vocabulary - 1, list.none);
    if (status != RN_OK) return status;
  }
  const int32_t* ids = joined_ids(ctx, args);
  Buckets buckets;
  if (!ids || !sort_by_id(ctx, ids, args->rows, args->vocabulary, &buckets))
    return RN_ERR_OUT_OF_MEMORY;
  // Buckets that nothing is in go, so that what is left is a table of the ids that occur.
  int64_t count = 0;
  for (int64_t v = 0; v < args->vocabulary; ++v) {
    if (buckets.start[v + 1] == buckets.start[v]) continue;
    args->touched[count] = (int32_t)v;
    buckets.start[count++] = buckets.start[v];
  }
  buckets.start[count] = buckets.start[args->vocabulary];
  for (int64_t i = count; i < args->capacity; ++i) args->touched[i] = -1;
  const RnEmbeddingBackward sum = {args->rows, count,    args->features,
                                   NULL,       args->dy, {args->sums, RN_GRAD_WRITE}};
  if (args->features > 0 && count > 0) sum_rows(ctx, &sum, buckets);
  const int64_t features = args->features;
  parallel_items(ctx, args->capacity - count, features, [=](int64_t begin, int64_t end) {
    memset((float*)args->sums + (count + begin) * features, 0,
           (size_t)((end - begin) * features) * sizeof(float));
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

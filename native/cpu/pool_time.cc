// Mean, maximum and last of each row's own steps. A strip of a few vectors of features goes down a
// row's steps in registers; padding is never read. Sums join in pieces of kStepsPerSum steps, for
// accuracy. Items are (row, strip), so a row's result depends on nothing else in the batch.
#include "native/abi/backend.h"
#include "native/cpu/core/indices.h"
#include "native/cpu/core/loops.h"

namespace rnnative::cpu::RN_ISA {
namespace {

constexpr int kVectors = 4;  // a strip: whole cache lines of a step
constexpr int64_t kStrip = kVectors * kLanes;
constexpr int64_t kStepsPerSum = 64;

int64_t length_of(const int32_t* lengths, int64_t row, int64_t time) {
  return lengths ? lengths[row] : time;
}

// load_v(t, v): vector v of the strip at step t.
template <class Load>
RN_INLINE void mean_strip(int64_t length, int vectors, const Load& load_v, vf y[kVectors]) {
  for (int64_t first = 0; first < length; first += kStepsPerSum) {
    const int64_t last = least(length, first + kStepsPerSum);
    vf part[kVectors] = {};
    for (int64_t t = first; t < last; ++t)
      for (int v = 0; v < vectors; ++v) part[v] += load_v(t, v);
    for (int v = 0; v < vectors; ++v) y[v] += part[v];
  }
  for (int v = 0; v < vectors; ++v) y[v] *= 1.0f / (float)length;
}

template <class Load>
RN_INLINE void max_strip(int64_t length, int vectors, const Load& load_v, vf y[kVectors],
                         vi steps[kVectors]) {
  for (int v = 0; v < vectors; ++v) {
    y[v] = load_v(0, v);
    steps[v] = (vi){};
  }
  for (int64_t t = 1; t < length; ++t) {
    const vi step = splat_int((int32_t)t);
    for (int v = 0; v < vectors; ++v) {
      const vf x = load_v(t, v);
      const vi wins = (y[v] == y[v]) & ((x > y[v]) | (x != x));
      y[v] = select(wins, x, y[v]);
      steps[v] = (wins & step) | (~wins & steps[v]);
    }
  }
}

template <class Load>
RN_INLINE void pool_strip(int32_t op, int64_t length, int vectors, const Load& load_v,
                          vf y[kVectors], vi steps[kVectors]) {
  if (op == RN_POOL_MEAN) return mean_strip(length, vectors, load_v, y);
  if (op == RN_POOL_MAX) return max_strip(length, vectors, load_v, y, steps);
  for (int v = 0; v < vectors; ++v) y[v] = load_v(length - 1, v);
}

// dx = or += value(i, at) over a step's features.
template <class Value>
RN_INLINE void put_step(float* dx, int64_t features, bool add, const Value& value) {
  each_vector(0, features, [=](int64_t i, auto at) {
    const vf g = value(i, at);
    at.store(dx + i, add ? at.load(dx + i) + g : g);
  });
}

}  // namespace

int32_t pool_time(RnContext* ctx, const RnPoolTime* args) {
  if (args->op < 0 || args->op >= RN_POOL_COUNT) return RN_ERR_UNSUPPORTED;
  const int64_t features = args->features, time = args->time, stride = args->batch * features;
  if (args->lengths) {
    const int32_t status = check_indices(ctx, "length", args->lengths, args->batch, time);
    if (status != RN_OK) return status;
  }
  const int64_t strips = (features + kStrip - 1) / kStrip;
  parallel_items(ctx, args->batch * strips, time * kStrip, [=](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t row = item / strips, first = item % strips * kStrip;
      const int64_t width = least(features - first, kStrip),
                    length = length_of(args->lengths, row, time);
      const int vectors = (int)((width + kLanes - 1) / kLanes);
      const auto lanes = [=](int v) { return least(width - v * kLanes, kLanes); };
      const float* x = (const float*)args->x + row * features + first;
      vf y[kVectors] = {};
      vi steps[kVectors];
      for (int v = 0; v < kVectors; ++v) steps[v] = splat_int(-1);
      if (length > 0 && width == kStrip) {
        const auto whole = [=](int64_t t, int v) { return load(x + t * stride + v * kLanes); };
        pool_strip(args->op, length, kVectors, whole, y, steps);
      } else if (length > 0) {
        const auto part = [=](int64_t t, int v) {
          return load_first(x + t * stride + v * kLanes, lanes(v));
        };
        pool_strip(args->op, length, vectors, part, y, steps);
      }
      for (int v = 0; v < vectors; ++v) {
        const int64_t at = row * features + first + v * kLanes;
        store_first((float*)args->y + at, y[v], lanes(v));
        if (args->op == RN_POOL_MAX) store_first((float*)args->steps + at, (vf)steps[v], lanes(v));
      }
    }
  });
  return RN_OK;
}

int32_t pool_time_backward(RnContext* ctx, const RnPoolTimeBackward* args) {
  if (args->op < 0 || args->op >= RN_POOL_COUNT) return RN_ERR_UNSUPPORTED;
  const int64_t features = args->features, time = args->time;
  if (args->lengths) {
    const int32_t status = check_indices(ctx, "length", args->lengths, args->batch, time);
    if (status != RN_OK) return status;
  }
  if (args->dx.mode == RN_GRAD_SKIP) return RN_OK;
  const bool add = args->dx.mode == RN_GRAD_ADD;
  parallel_items(ctx, time * args->batch, features, [=](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t t = item / args->batch, row = item % args->batch;
      const int64_t length = length_of(args->lengths, row, time);
      const float* dy = (const float*)args->dy + row * features;
      float* dx = (float*)args->dx.data + item * features;
      const bool reached = args->op == RN_POOL_LAST ? t == length - 1 : t < length;
      if (!reached) {
        if (!add) memset(dx, 0, (size_t)features * sizeof(float));
      } else if (args->op == RN_POOL_MAX) {
        const float* steps = (const float*)args->steps + row * features;  // integers
        const vi step = splat_int((int32_t)t);
        put_step(dx, features, add, [=](int64_t i, auto at) {
          return select((vi)at.load(steps + i) == step, at.load(dy + i), zero());
        });
      } else {
        const vf factor = splat(args->op == RN_POOL_MEAN ? 1.0f / (float)length : 1.0f);
        put_step(dx, features, add, [=](int64_t i, auto at) { return at.load(dy + i) * factor; });
      }
    }
  });
  return RN_OK;
}

}  // namespace rnnative::cpu::RN_ISA

// The product of a step of a persistent recurrence, for one block: sums[part][row][b] = rows of the
// block's slice of R times a version of the exchange (exchange.cuh), every warp over its part of K.
//
// TensorProduct (bf16): R is the A operand of mma.sync m16n8k16, so that the batch pads to 8 rows,
// and its fragments stay in registers for the whole sequence: 128 KB of a multiprocessor's 256,
// read by nothing but the tensor cores. What does not fit lies in shared memory in fragment order,
// a conflict-free 16-byte load each. Two tiles of the batch share every fragment of R. FloatProduct
// (f32): R in shared memory as [K / 4, m] of 16 bytes. A warp has kRows rows of R and a tile of the
// batch, a lane one or more of the rows and kRows / 4 of the tile, all in multiply-adds.
#ifndef RNNATIVE_CUDA_RECURRENT_PERSISTENT_PRODUCT_CUH_
#define RNNATIVE_CUDA_RECURRENT_PERSISTENT_PRODUCT_CUH_

#include "cuda/recurrent/persistent/fetch.cuh"

namespace rnnative::cuda {

// Where this warp stands in a block's product.
struct WarpPlace {
  int lane, part, row;  // row: its first of R's slice
  int first, last;      // its part of K

  __device__ WarpPlace(const Plan& plan, int rows) {
    const int thread = forgotten(static_cast<int>(threadIdx.x)), warp = thread / 32;
    lane = thread % 32;
    part = warp % plan.parts;
    row = warp / plan.parts * rows;
    first = min(part * plan.part, plan.k);
    last = min(first + plan.part, plan.k);
  }
};

// kTiles row tiles of 16 by kSteps steps of K of 16, the first kHeld of which lie in registers.
template <int kThreads_, int kTiles, int kSteps, int kHeld = kSteps, bool kSplit = false>
class TensorProduct {
  static constexpr int kBlocks = kSteps / 2;  // of 32 of K: 16 bytes of a lane
  static constexpr int kChunk = kBlocks % 4 == 0 ? 4 : kBlocks % 3 == 0 ? 3 : 2;
  static constexpr int kChunks = kBlocks / kChunk, kBytes = Fetch<2, kChunk>::kBytes;
  static_assert(kSteps % 2 == 0 && kBlocks % kChunk == 0 && kBlocks * 512 <= kOverrun);

 public:
  static constexpr bool kBf16 = true, kAlone = kThreads_ == kAloneThreads;
  static constexpr int kThreads = kThreads_;
  static constexpr Shape kShape = {true,   kThreads_,   16 * kTiles, 16 * kSteps, 16 * kHeld,
                                   kBytes, 32 * kChunk, 16,          kSplit};

  // weight(row, k): of the block's slice of R.
  template <class Weight>
  __device__ void load(const Plan& plan, char* shared, const Weight& weight) {
    const WarpPlace place(plan, 16 * kTiles);
    const int g = place.lane / 4, i = place.lane % 4;
    const auto pair = [&](int row, int k) {
      if (k >= place.last) return uint32_t{0};
      return pack_bf16(weight(row, k), weight(row, k + 1));
    };
    const auto make = [&](int m, int s, uint32_t(&a)[4]) {
      const int row = place.row + 16 * m + g, k = place.first + 16 * s + 2 * i;
      a[0] = pair(row, k);
      a[1] = pair(row + 8, k);
      a[2] = pair(row, k + 8);
      a[3] = pair(row + 8, k + 8);
    };
    // Unrolled, this would be most of the kernel, and registers have no index: so they move up, a
    // few steps at a time.
    constexpr int kMoved = kHeld % 4 == 0 ? 4 : 2;
    static_assert(kHeld % kMoved == 0);
#pragma unroll 1
    for (int first = 0; first < kHeld; first += kMoved)
#pragma unroll
      for (int m = 0; m < kTiles; ++m) {
#pragma unroll
        for (int s = 0; s < kHeld - kMoved; ++s)
#pragma unroll
          for (int j = 0; j < 4; ++j) held_[m][s][j] = held_[m][s + kMoved][j];
#pragma unroll
        for (int s = 0; s < kMoved; ++s) make(m, first + s, held_[m][kHeld - kMoved + s]);
      }
    uint4* const rest = kept(plan, shared, place);
#pragma unroll 1
    for (int s = kHeld; s < kSteps; ++s)
#pragma unroll
      for (int m = 0; m < kTiles; ++m) {
        uint32_t a[4];
        make(m, s, a);
        rest[(m * (kSteps - kHeld) + s - kHeld) * 32] = make_uint4(a[0], a[1], a[2], a[3]);
      }
  }

  // Rows b < rows of version `step`; the sums of others mean nothing.
  __device__ void multiply(const Plan& plan, char* shared, const Exchange& exchange, int step,
                           int rows, float* sums) const {
    const int tiles = (rows + 7) / 8;
    for (int tile = 0; tile < tiles; tile += 2)
      if (tile + 1 < tiles)
        multiply_tiles<2>(plan, shared, exchange, step, rows, tile, sums);
      else
        multiply_tiles<1>(plan, shared, exchange, step, rows, tile, sums);
  }

 private:
  // Where a lane finds its words of a version in global memory: see Fetch.
  struct Where {
    const uint4* version;
    int stride, first, last, lane, rows;

    __device__ int tiles(int chunk) const { return chunk / kChunks * 16 + 8 < rows ? 2 : 1; }
    __device__ int awaited(int chunk) const { return last - first - chunk % kChunks * kChunk; }
    __device__ const uint4* from(int chunk, int tile) const {
      const int row = min(chunk / kChunks * 16 + 8 * tile + lane / 4, rows - 1);
      const int block = first + chunk % kChunks * kChunk;
      return version + (row / 8 * stride + block) * 32 + row % 8 * 4 + lane % 4;
    }
  };

  // Tiles `tile` to tile + kNow of the batch, the first of which is even.
  template <int kNow>
  __device__ __forceinline__ void multiply_tiles(const Plan& plan, char* shared,
                                                 const Exchange& exchange, int step, int rows,
                                                 int tile, float* sums) const {
    const WarpPlace place(plan, 16 * kTiles);
    const uint4* const version = exchange.read(step);
    const bool remote = exchange.remote();
    const int stride = plan.k / 32, first = place.first / 32, last = place.last / 32;
    const int pass = tile / 2, chunks = (rows + 15) / 16 * kChunks;
    const uint4* const rest = kept(plan, shared, place);
    const auto warp = static_cast<int>(threadIdx.x / 32);
    const Fetch<2, kChunk> fetch = {
        reinterpret_cast<uint4*>(shared + plan.exchange_at) + warp * plan.slots * (kBytes / 16),
        place.lane, step, exchange.last_words()};
    const Where where = {version, stride, first, last, place.lane, rows};
    float d[kTiles][kNow][kSplit ? 2 : 1][4] = {};
#pragma unroll
    for (int q = 0; q < kChunks; ++q) {
      const uint4* const here = version + (tile * stride + first + q * kChunk) * 32 + place.lane;
      uint4 b[kNow * kChunk];  // [tile, block of K]
      if (remote) fetch.template take<kNow>(b, pass * kChunks + q, chunks, where);
#pragma unroll
      for (int j = 0; j < kChunk; ++j) {
        if (first + q * kChunk + j >= last) continue;
#pragma unroll
        for (int n = 0; n < kNow; ++n) {
          if (!remote) b[n * kChunk + j] = here[(n * stride + j) * 32];
        }
        const int s = 2 * (q * kChunk + j);
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
          for (int m = 0; m < kTiles; ++m) {
            uint32_t a[4];
            fragment(a, m, s + half, rest);
#pragma unroll
            for (int n = 0; n < kNow; ++n) {
              const uint4& v = b[n * kChunk + j];
              mma_bf16(d[m][n][kSplit ? half : 0], a,
                       {half == 0 ? v.x : v.z, half == 0 ? v.y : v.w});
            }
          }
      }
      if (remote) fetch.release(pass * kChunks + q, chunks, where);
    }
    float* const to = sums + (place.part * plan.m + place.row + place.lane / 4) * plan.ld +
                      8 * tile + place.lane % 4 * 2;
#pragma unroll
    for (int m = 0; m < kTiles; ++m)
#pragma unroll
      for (int n = 0; n < kNow; ++n) {
        float(&sum)[4] = d[m][n][0];
        if constexpr (kSplit) {
#pragma unroll
          for (int i = 0; i < 4; ++i) sum[i] += d[m][n][1][i];
        }
        float* const at = to + 16 * m * plan.ld + 8 * n;
        *reinterpret_cast<float2*>(at) = make_float2(sum[0], sum[1]);
        *reinterpret_cast<float2*>(at + 8 * plan.ld) = make_float2(sum[2], sum[3]);
      }
  }

  // R's of row tile m and step s of K of this warp's part.
  __device__ __forceinline__ void fragment(uint32_t (&a)[4], int m, int s,
                                           const uint4* rest) const {
    if (s < kHeld) {
#pragma unroll
      for (int i = 0; i < 4; ++i) a[i] = held_[m][s < kHeld ? s : 0][i];
    } else {
      const uint4 v = rest[(m * (kSteps - kHeld) + s - kHeld) * 32];
      a[0] = v.x, a[1] = v.y, a[2] = v.z, a[3] = v.w;
    }
  }

  // This lane's fragments in shared memory.
  static __device__ __forceinline__ uint4* kept(const Plan& plan, char* shared,
                                                const WarpPlace& place) {
    const auto warp = static_cast<int>(threadIdx.x / 32);
    return reinterpret_cast<uint4*>(shared + plan.weights_at) +
           warp * kTiles * (kSteps - kHeld) * 32 + place.lane;
  }

  uint32_t held_[kTiles][kHeld][4];
};

// kTiles row tiles of kRows = 8, 16 or 32.
template <int kThreads_, int kRows, int kTiles>
class FloatProduct {
  static constexpr int kBlocks = 16;  // of 4 of K, in a chunk
  static constexpr int kLoads = kBlocks * 8 / 32, kAcross = 32 / kRows, kEach = 8 / kAcross;
  static constexpr int kBytes = Fetch<1, kLoads>::kBytes;
  static_assert(kBytes <= kOverrun);

 public:
  static constexpr bool kBf16 = false, kAlone = kThreads_ == kAloneThreads;
  static constexpr int kThreads = kThreads_;
  static constexpr Shape kShape = {false,       kThreads_, kRows* kTiles, 0, 0, kBytes,
                                   4 * kBlocks, 8,         false};

  template <class Weight>
  __device__ void load(const Plan& plan, char* shared, const Weight& weight) {
    auto* const r = reinterpret_cast<float4*>(shared + plan.weights_at);
    const auto n = static_cast<int>(blockDim.x);
    for (int e = static_cast<int>(threadIdx.x); e < plan.k / 4 * plan.m; e += n) {
      const int row = e % plan.m, k = e / plan.m * 4;
      r[e] =
          make_float4(weight(row, k), weight(row, k + 1), weight(row, k + 2), weight(row, k + 3));
    }
  }

  __device__ void multiply(const Plan& plan, char* shared, const Exchange& exchange, int step,
                           int rows, float* sums) const {
    const uint4* const version = exchange.read(step);
    const bool remote = exchange.remote();
    const WarpPlace place(plan, kRows * kTiles);
    const int stride = plan.k / 4, first = place.first / 4, last = place.last / 4;
    const int tiles = (rows + 7) / 8, each = (last - first + kBlocks - 1) / kBlocks;
    const int chunks = tiles * each, across = place.lane / kRows;
    const auto warp = static_cast<int>(threadIdx.x / 32);
    const Fetch<1, kLoads> fetch = {
        reinterpret_cast<uint4*>(shared + plan.exchange_at) + warp * plan.slots * (kBytes / 16),
        place.lane, step, exchange.last_words()};
    const Where where = {version, stride, first, last, each, place.lane, rows};
    const auto* const r = reinterpret_cast<const float4*>(shared + plan.weights_at) +
                          first * plan.m + place.row + place.lane % kRows;
    for (int tile = 0; tile < tiles; ++tile) {
      float d[kTiles][kEach] = {};
      for (int q = 0; q < each; ++q) {
        const int chunk = tile * each + q, count = min(kBlocks, last - first - q * kBlocks);
        const uint4* from = version + (tile * stride + first + q * kBlocks) * 8;
        if (remote) {
          uint4 v[kLoads];
          fetch.template take<1>(v, chunk, chunks, where);
          // Every lane reads what all have fetched.
          from = fetch.slot(chunk);
#pragma unroll
          for (int l = 0; l < kLoads; ++l) fetch.slot(chunk)[l * 32 + place.lane] = v[l];
          __syncwarp();
        }
        const auto* const h = reinterpret_cast<const float4*>(from) + across;
#pragma unroll(kAlone ? 1 : 2)
        for (int j = 0; j < count; ++j) {
          float4 b[kEach];
#pragma unroll
          for (int n = 0; n < kEach; ++n) b[n] = h[j * 8 + n * kAcross];
#pragma unroll
          for (int m = 0; m < kTiles; ++m) {
            const float4 a = r[(q * kBlocks + j) * plan.m + m * kRows];
#pragma unroll
            for (int n = 0; n < kEach; ++n) {
              d[m][n] += a.x * b[n].x;
              d[m][n] += a.y * b[n].y;
              d[m][n] += a.z * b[n].z;
              d[m][n] += a.w * b[n].w;
            }
          }
        }
        if (remote) {
          __syncwarp();
          fetch.release(chunk, chunks, where);
        }
      }
      float* const to = sums + (place.part * plan.m + place.row + place.lane % kRows) * plan.ld +
                        8 * tile + across;
#pragma unroll
      for (int m = 0; m < kTiles; ++m)
#pragma unroll
        for (int n = 0; n < kEach; ++n) to[m * kRows * plan.ld + n * kAcross] = d[m][n];
    }
  }

 private:
  // As that of TensorProduct; `each`: chunks of a tile. A load is 4 blocks of all 8 rows.
  struct Where {
    const uint4* version;
    int stride, first, last, each, lane, rows;

    __device__ int tiles(int) const { return 1; }
    __device__ int block(int chunk) const { return first + chunk % each * kBlocks + lane / 8; }
    __device__ int awaited(int chunk) const { return (last - block(chunk) + 3) / 4; }
    __device__ const uint4* from(int chunk, int) const {
      const int row = min(chunk / each * 8 + lane % 8, rows - 1);
      return version + (row / 8 * stride + block(chunk)) * 8 + row % 8;
    }
  };
};

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_PERSISTENT_PRODUCT_CUH_

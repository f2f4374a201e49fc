// How a persistent recurrence is laid over the device: a plain function of sizes, so that it can be
// read and checked without running anything.
//
// The rows of a batch are cut into slices. A slice in one direction is a run, computed by a group
// of blocks: each block holds the part of R that its units need, for the whole sequence, and after
// every step the group exchanges what the next step multiplies (h forward, dgates backward). How it
// does so is the tier:
//   kBlock    one block is the group: nothing leaves it
//   kCluster  a thread-block cluster, through distributed shared memory
//   kGrid     blocks of a cooperative grid, through global memory
// The tier and how K is cut among warps follow from the cell, H, precision and the device, never
// from the batch: so a row's result does not depend on the rows beside it. Only batches so large
// that a matrix product a step is faster are left to the stepwise kernels.
#ifndef RNNATIVE_CUDA_RECURRENT_PERSISTENT_PLAN_CUH_
#define RNNATIVE_CUDA_RECURRENT_PERSISTENT_PLAN_CUH_

#include <cstdint>

namespace rnnative::cuda {

enum class Tier : int32_t { kBlock, kCluster, kGrid };

// What a compiled product (persistent_product.cuh) can hold.
struct Shape {
  bool bf16;
  int32_t threads;              // at most
  int32_t rows;                 // of R's slice that a warp multiplies
  int32_t part;                 // longest part of K of a warp; 0: any
  int32_t resident;             // how much of it lies in registers; the rest in shared memory
  int32_t chunk;                // bytes of an exchanged version that a warp fetches at a time
  int32_t chunk_k, chunk_rows;  // ... and what of K and of the batch that covers
  bool split;                   // sums even and odd steps of 16 of K apart
};
// Backward, parts of K that are longer are multiplied by shapes that split their sums, and only by
// those: one product after the other into one sum would take twice as long as the tensor cores
// need. Which shape it is depends on the batch, the order of a sum must not.
constexpr int32_t kOneSum = 128;
// Shapes of as many threads are for the tier kBlock, and only those.
constexpr int32_t kAloneThreads = 512;
constexpr int32_t kSlots = 4;     // chunks under way in a warp
constexpr int32_t kElements = 2;  // units, each in one row of the batch, stepped by a thread
constexpr int32_t kTile = 8;      // rows of the batch in a tile of the product

// The part of a layer that the plan depends on.
struct Recurrence {
  bool bf16, backward;
  int32_t gates;  // G
  int64_t hidden, batch, directions;
};
struct Machine {
  int32_t multiprocessors;
  int32_t shared;  // bytes a block may have
  // How many clusters of 1, 2, 4, 8 and 16 blocks, a block a multiprocessor, run at once.
  int32_t clusters[5];
  bool cooperative;  // it has grids whose blocks all run at once
};

struct Plan {
  Tier tier;
  int32_t shape;    // index into the shapes offered
  int32_t threads;  // of a block
  int32_t units;    // U of a block, even
  int32_t blocks;   // P of a group; P * U >= H padded to 32
  int32_t rows;     // of the batch in a slice; a multiple of kTile
  int32_t slices;
  int32_t padded;  // H padded to 32
  int32_t k;       // of the product: padded, or G * padded backward
  int32_t parts;   // warps along K, whose sums are added up in order
  int32_t part;    // of K
  int32_t m;       // rows of R's slice, padded to what the warps cover
  int32_t ld;      // of the parts' sums, [parts, m, ld]
  int32_t slots;   // chunks for which a warp has room
  int32_t sums;    // copies of the parts' sums: 2 spare a barrier
  int32_t groups;  // that one launch may run at once; 0: any number
  // Where things lie in shared memory, and how much there is of it. Bytes.
  int32_t sums_at, bias_at, exchange_at, weights_at, shared;
  int64_t words;     // of 4 bytes, of a version of the exchange
  int64_t cost;      // estimate, in cycles a step of all rows
  int64_t stepwise;  // ... of the stepwise kernels
};

// The cheapest plan of `n` shapes, or false: R does not fit, or a product a step is faster.
bool plan_recurrence(const Recurrence& what, const Machine& machine, const Shape* shapes, int32_t n,
                     Plan* plan);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_RECURRENT_PERSISTENT_PLAN_CUH_

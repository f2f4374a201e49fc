// Runs kernels on the host: every CUDA thread is a fiber with a stack of its own, and one runs at a
// time until it waits for others (a barrier, an exchange within its warp, a flag in memory). What a
// GPU does at once happens here in some order; RNNATIVE_EMULATION_SEED draws another order at every
// turn, which is how a missing barrier shows. Fresh memory, shared memory included, holds NaNs.
// Blocks run one after another, except those of a cluster or of a cooperative grid.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "cuda/emulation/emulator.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {

constexpr size_t kStackBytes = size_t{128} << 10;
constexpr unsigned kWarp = 32;
constexpr int64_t kPatience = 20'000'000;  // turns without a barrier released

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "CUDA emulation: %s (block %u, thread %u)\n", what, blockIdx.x, threadIdx.x);
  std::abort();
}

// Passed when as many threads wait as are alive.
struct Barrier {
  unsigned alive = 0, waiting = 0;
  uint64_t passed = 0;
  void release() {
    waiting = 0;
    ++passed;
  }
  void leave() {
    if (--alive > 0 && waiting == alive) release();
  }
};

struct Warp {
  Barrier barrier;
  uint64_t slots[2][kWarp];
  unsigned turns[kWarp] = {};  // exchanges begun by each lane
  void* given[kWarp];
};

struct Cluster;
struct Block {
  uint3 index;
  Barrier barrier;
  std::vector<Warp> warps;
  std::unique_ptr<char[]> shared;
  Cluster* cluster = nullptr;
  unsigned rank = 0;
  int vote = 0;
};
struct Cluster {
  Barrier barrier;
  std::vector<Block*> blocks;
};

struct Fiber {
  void* stack_pointer = nullptr;
  std::unique_ptr<char[]> stack;
  Block* block = nullptr;
  Warp* warp = nullptr;
  uint3 thread = {};
  const Barrier* waits_for = nullptr;
  uint64_t waits_past = 0;
  uint64_t arrived_past = 0;  // at the cluster's barrier
  bool done = false;
  struct Copy {
    void* to;
    const void* from;  // null: zeros
    unsigned group;
    void carry_out() const {
      if (from != nullptr)
        std::memcpy(to, from, 16);
      else
        std::memset(to, 0, 16);
    }
  };
  std::vector<Copy> copies;  // under way, in order
  unsigned groups = 0;       // committed
};

std::vector<std::unique_ptr<Fiber>> fibers;  // kept for their stacks
Fiber* current = nullptr;
bool trapped = false;
void* scheduler_stack = nullptr;
const std::function<void()>* body = nullptr;

// Saves the callee-saved registers on this stack and goes on with another (System V x86-64).
extern "C" void rn_emulated_switch(void** save, void* load);
asm(R"(
.text
.local rn_emulated_switch
.type rn_emulated_switch, @function
rn_emulated_switch:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
.size rn_emulated_switch, . - rn_emulated_switch
)");

void yield() {
  rn_emulated_switch(&current->stack_pointer, scheduler_stack);
}

void wait_past(const Barrier& barrier, uint64_t passed) {
  current->waits_for = &barrier;
  current->waits_past = passed;
  yield();
  current->waits_for = nullptr;
}
void wait(Barrier& barrier) {
  if (++barrier.waiting == barrier.alive)
    barrier.release();
  else
    wait_past(barrier, barrier.passed);
}

void run_fiber() {
  (*body)();
  Fiber& self = *current;
  self.done = true;
  self.warp->barrier.leave();
  self.block->barrier.leave();
  self.block->cluster->barrier.leave();
  yield();
}

void prepare(Fiber& fiber) {
  if (!fiber.stack) fiber.stack.reset(new char[kStackBytes]);
  auto top = reinterpret_cast<uintptr_t>(fiber.stack.get() + kStackBytes) & ~uintptr_t{15};
  auto** slot = reinterpret_cast<void**>(top) - 1;
  *slot = nullptr;  // where run_fiber would return to: the stack is aligned as after a call
  *--slot = reinterpret_cast<void*>(&run_fiber);
  for (int i = 0; i < 6; ++i) *--slot = nullptr;
  fiber.stack_pointer = slot;
  fiber.waits_for = nullptr;
  fiber.done = false;
  fiber.copies.clear();
  fiber.groups = 0;
}

void resume(Fiber& fiber) {
  current = &fiber;
  threadIdx = fiber.thread;
  blockIdx = fiber.block->index;
  rn_emulated_switch(&scheduler_stack, fiber.stack_pointer);
}

uint32_t next_random() {
  static const char* const seed = std::getenv("RNNATIVE_EMULATION_SEED");
  static uint32_t state = seed ? static_cast<uint32_t>(std::atoi(seed)) * 2654435761u | 1 : 0;
  if (state == 0) return 0;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

// Runs the first `count` fibers to their ends.
void schedule(size_t count) {
  size_t left = count;
  int64_t idle = 0;
  while (left > 0) {
    bool moved = false;
    const uint32_t random = next_random();
    for (size_t n = 0; n < count; ++n) {
      const size_t at = random % 2 ? count - 1 - n : n;
      Fiber& fiber = *fibers[(at + random / 2) % count];
      if (fiber.done) continue;
      if (fiber.waits_for && fiber.waits_for->passed == fiber.waits_past) continue;
      if (fiber.waits_for) idle = 0;
      moved = true;
      resume(fiber);
      // Those that are left never go on.
      if (trapped) return;
      if (fiber.done) {
        --left;
        idle = 0;
      }
    }
    if (!moved) die("every thread waits for another");
    if (++idle > kPatience) die("no thread gets on: a flag is never set");
  }
}

// Runs blocks first .. first + count - 1 at once, in clusters of `cluster_size`.
void run_blocks(const cudaLaunchConfig_t& config, unsigned first, unsigned count,
                unsigned cluster_size) {
  const unsigned threads = config.blockDim.x * config.blockDim.y * config.blockDim.z;
  while (fibers.size() < size_t{count} * threads) fibers.push_back(std::make_unique<Fiber>());
  std::vector<Block> blocks(count);
  std::vector<Cluster> clusters(count / cluster_size);
  for (unsigned b = 0; b < count; ++b) {
    Block& block = blocks[b];
    const unsigned linear = first + b, x = config.gridDim.x, y = config.gridDim.y;
    block.index = {linear % x, linear / x % y, linear / x / y};
    block.barrier.alive = threads;
    block.warps.resize((threads + kWarp - 1) / kWarp);
    block.shared.reset(new (std::align_val_t{128}) char[config.dynamicSmemBytes + 1]);
    std::memset(block.shared.get(), 0xff, config.dynamicSmemBytes);
    block.cluster = &clusters[b / cluster_size];
    block.rank = b % cluster_size;
    block.cluster->blocks.push_back(&block);
    block.cluster->barrier.alive += threads;
    for (unsigned t = 0; t < threads; ++t) {
      Fiber& fiber = *fibers[size_t{b} * threads + t];
      prepare(fiber);
      fiber.block = &block;
      fiber.warp = &block.warps[t / kWarp];
      ++fiber.warp->barrier.alive;
      fiber.thread = {t % config.blockDim.x, t / config.blockDim.x % config.blockDim.y,
                      t / config.blockDim.x / config.blockDim.y};
    }
  }
  schedule(size_t{count} * threads);
  for (Block& block : blocks) operator delete[](block.shared.release(), std::align_val_t{128});
}

unsigned linear_thread() {
  return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
}

// RNNATIVE_EMULATION_REFUSES names a kind of launch that the device is not to have.
bool refuses(const char* kind) {
  const char* const named = std::getenv("RNNATIVE_EMULATION_REFUSES");
  return named != nullptr && std::strstr(named, kind) != nullptr;
}

}  // namespace

cudaError_t rn_emulated_launch(const cudaLaunchConfig_t& config,
                               const std::function<void()>& kernel) {
  const unsigned grid = config.gridDim.x * config.gridDim.y * config.gridDim.z;
  const unsigned threads = config.blockDim.x * config.blockDim.y * config.blockDim.z;
  if (grid == 0 || threads == 0 || threads > 1024 ||
      config.dynamicSmemBytes > kEmulatedSharedBytes || config.gridDim.y > 65535 ||
      config.gridDim.z > 65535)
    return rn_emulated_error = cudaErrorInvalidValue;
  unsigned cluster = 1;
  bool together = false;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    if (attribute.id == cudaLaunchAttributeCooperative) together = attribute.val.cooperative != 0;
    if (attribute.id == cudaLaunchAttributeClusterDimension) cluster = attribute.val.clusterDim.x;
  }
  if (grid % cluster != 0 || cluster > 16) return rn_emulated_error = cudaErrorInvalidValue;
  if (together && refuses("cooperative"))
    return rn_emulated_error = cudaErrorCooperativeLaunchTooLarge;
  if (cluster > 1 && refuses("cluster")) return rn_emulated_error = cudaErrorInvalidClusterSize;
  int per_multiprocessor = 0;
  rn_emulated_occupancy(&per_multiprocessor, static_cast<int>(threads), config.dynamicSmemBytes);
  if (together && grid > static_cast<unsigned>(per_multiprocessor * rn_emulated_multiprocessors()))
    return rn_emulated_error = cudaErrorCooperativeLaunchTooLarge;

  const unsigned at_once = together ? grid : cluster;
  return rn_emulated_enqueue([config, kernel, grid, at_once, cluster] {
    body = &kernel;
    blockDim = config.blockDim;
    gridDim = config.gridDim;
    for (unsigned first = 0; first < grid && !trapped; first += at_once)
      run_blocks(config, first, at_once, cluster);
    if (trapped) rn_emulated_lost = cudaErrorLaunchFailure;
  });
}

int rn_emulated_multiprocessors() {
  static const char* const named = std::getenv("RNNATIVE_EMULATION_MULTIPROCESSORS");
  return named != nullptr ? std::max(1, std::atoi(named)) : 6;
}

cudaError_t rn_emulated_occupancy(int* blocks, int threads, size_t shared) {
  const int by_threads = 2048 / threads;
  const int by_shared = static_cast<int>((kEmulatedSharedBytes + 1024) / (shared + 1024));
  *blocks = by_threads < by_shared ? by_threads : by_shared;
  return cudaSuccess;
}

cudaError_t rn_emulated_clusters(int* clusters, const cudaLaunchConfig_t& config) {
  int per_multiprocessor = 0;
  rn_emulated_occupancy(&per_multiprocessor, static_cast<int>(config.blockDim.x),
                        config.dynamicSmemBytes);
  const int blocks = per_multiprocessor * rn_emulated_multiprocessors();
  const int of = static_cast<int>(config.attrs[0].val.clusterDim.x);
  // Clusters run one after another, so that even one wider than the device can.
  *clusters = blocks < of ? 1 : blocks / of;
  return cudaSuccess;
}

// ---- what kernels call

char* rn_emulated_shared() {
  return current->block->shared.get();
}
void __syncthreads() {
  wait(current->block->barrier);
}
int __syncthreads_or(int predicate) {
  Block& block = *current->block;
  wait(block.barrier);
  block.vote = 0;
  wait(block.barrier);
  block.vote |= predicate != 0;
  wait(block.barrier);
  return block.vote;
}
void __syncwarp(unsigned) {
  wait(current->warp->barrier);
}
void __threadfence() {}
void __nanosleep(unsigned) {
  yield();
}
unsigned rn_emulated_lane() {
  return linear_thread() % kWarp;
}

const uint64_t* rn_emulated_exchange(uint64_t mine) {
  Warp& warp = *current->warp;
  if (warp.barrier.alive != kWarp) die("an exchange in a warp that is not whole");
  const unsigned lane = rn_emulated_lane();
  uint64_t* const slots = warp.slots[warp.turns[lane]++ % 2];
  slots[lane] = mine;
  wait(warp.barrier);
  return slots;
}

void rn_emulated_collective(void* mine, void (*body)(void* const* lanes)) {
  Warp& warp = *current->warp;
  if (warp.barrier.alive != kWarp) die("an operation of a warp that is not whole");
  warp.given[rn_emulated_lane()] = mine;
  if (warp.barrier.waiting + 1 == kWarp) body(warp.given);
  wait(warp.barrier);
}

unsigned __ballot_sync(unsigned, int predicate) {
  const uint64_t* slots = rn_emulated_exchange(predicate != 0);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < kWarp; ++lane) bits |= static_cast<unsigned>(slots[lane]) << lane;
  return bits;
}

void rn_emulated_copy(void* to, const void* from) {
  const Fiber::Copy copy = {to, from, current->groups};
  if (next_random() % 2 != 0)
    copy.carry_out();
  else
    current->copies.push_back(copy);
}
void rn_emulated_commit() {
  ++current->groups;
}
void rn_emulated_wait_for_copies(unsigned pending) {
  auto& copies = current->copies;
  const auto done = std::find_if(copies.begin(), copies.end(), [=](const Fiber::Copy& copy) {
    return copy.group + pending >= current->groups;
  });
  std::for_each(copies.begin(), done, [](const Fiber::Copy& copy) { copy.carry_out(); });
  copies.erase(copies.begin(), done);
}

bool rn_emulated_loses() {
  static const char* const named = std::getenv("RNNATIVE_EMULATION_LOSES");
  static int64_t left = named != nullptr ? std::atoll(named) : 0;
  return left > 0 && --left == 0;
}
void rn_emulated_trap() {
  trapped = true;
  while (true) yield();
}

unsigned rn_emulated_cluster_rank() {
  return current->block->rank;
}
unsigned rn_emulated_cluster_size() {
  return static_cast<unsigned>(current->block->cluster->blocks.size());
}
void rn_emulated_cluster_arrive() {
  Barrier& barrier = current->block->cluster->barrier;
  current->arrived_past = barrier.passed;
  if (++barrier.waiting == barrier.alive) barrier.release();
}
void rn_emulated_cluster_wait() {
  const Barrier& barrier = current->block->cluster->barrier;
  if (barrier.passed == current->arrived_past) wait_past(barrier, current->arrived_past);
}
void* rn_emulated_map_shared(void* mine, unsigned rank) {
  const Block& self = *current->block;
  return self.cluster->blocks[rank]->shared.get() + (static_cast<char*>(mine) - self.shared.get());
}

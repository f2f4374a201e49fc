// Memory for storages, packed weights, staged inputs and scratch: counted per account, limited, and
// recycled. A training step allocates and frees the same blocks every time; going to the system for
// them would cost a page fault per 4 KiB, so freed blocks are kept for the next op of about that
// size.
#ifndef RNNATIVE_RUNTIME_ALLOCATOR_H_
#define RNNATIVE_RUNTIME_ALLOCATOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace rnnative {

// What memory is held for. The first three are devices, in the order of Device.
enum class Account { kCpu, kReference, kCuda, kScratch, kCudaScratch, kCudaProgram, kCount };

// Where blocks come from.
struct MemorySource {
  void* (*take)(size_t bytes);  // null when refused
  void (*give)(void* data, size_t bytes);
  size_t (*available)();  // what could be taken now
};

// Uninitialised memory, aligned to 64 bytes (2 MiB from 4 MiB on).
struct Block {
  void* data = nullptr;
  size_t bytes = 0;  // as rounded up
  Account account = Account::kCpu;
  explicit operator bool() const { return data != nullptr; }
};

struct AccountStats {
  size_t bytes = 0;
  size_t peak = 0;
};

// One for the host and two for the CUDA device, all process-wide and safe from any thread. Leaked,
// since the engines outlive static destructors. On the device a block that is given back may still
// be used by work that was launched; whoever gets it next comes later in the same stream.
//
// The device's second is for what recorded programs use (program.h). Their launches hold addresses,
// so its blocks stay where they are while there is a program, for the same or another one: between
// runs none has anything in a free block.
class Allocator {
 public:
  static Allocator& host();
  static Allocator& of(Account account);

  // An empty block when the limit or the system refuses.
  Block allocate(size_t bytes, Account account);
  // To where it came from.
  static void release(Block& block);

  AccountStats stats(Account account) const;
  size_t cached() const;
  // In use or cached.
  size_t held() const;
  size_t limit() const;
  // 0 restores the default: what the machine and the cgroup had left when this was first used.
  void set_limit(size_t bytes);
  // While there is a program free blocks are kept.
  void pin();
  void unpin();
  // All that is not in use, to the system.
  void give_back();
  // "needs 4096 bytes; 100 of the limit of 1000 bytes are in use"
  std::string shortage(size_t bytes) const;

 private:
  static constexpr size_t kSmallStep = 64;
  static constexpr int kSmallClasses = 64;  // multiples of 64 up to 4 KiB
  static constexpr int kStepsPerDoubling = 8;
  static constexpr int kClasses = kSmallClasses + kStepsPerDoubling * 36;  // up to 2^48

  Allocator(const MemorySource& source, bool exact);
  size_t default_limit() const;
  void recycle(Block& block);
  static int class_of(size_t bytes);
  static size_t class_bytes(int index);
  // The class to take a block of: that one, or a little larger one of which a block is free.
  int cached_class(int index) const;
  size_t cache_bound() const;
  // Gives cached blocks back to the system, large ones first, until at most `bound` bytes are held.
  void trim(size_t bound);
  void note_growth();

  const MemorySource source_;
  const bool exact_;  // see kExactBlocks
  mutable std::mutex mutex_;
  std::array<std::vector<void*>, kClasses> free_;
  std::array<AccountStats, static_cast<size_t>(Account::kCount)> accounts_;
  size_t live_ = 0;
  size_t cached_ = 0;
  size_t limit_ = 0;
  bool default_limit_ = true;
  int pins_ = 0;
  // The largest `live_` of this window of allocations and of the one before bound the cache.
  size_t window_peak_ = 0;
  size_t previous_peak_ = 0;
  uint32_t window_count_ = 0;
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_ALLOCATOR_H_

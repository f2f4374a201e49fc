#include "native/runtime/allocator.h"

#include <algorithm>
#include <bit>

#include "native/runtime/cuda_loader.h"
#include "native/runtime/machine.h"
#include "native/runtime/pages.h"

namespace rnnative {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kLargest = size_t{1} << 47;
// The default limit leaves the rest of the process and the system this much of what was free.
constexpr double kShare = 0.95;
// Fresh blocks from here on are checked against what the machine has left now.
constexpr size_t kRecheckBytes = 64 * kMiB;
constexpr uint32_t kWindow = 8192;
// Blocks from here on are found among larger ones too: batches differ in size from step to step,
// and fresh pages cost more than some that stay unused.
constexpr size_t kFitting = 256 << 10;
constexpr int kReach = 4;  // classes: up to half as large again

const MemorySource kHost = {take_pages, return_pages, available_memory};

}  // namespace

Allocator& Allocator::host() {
  static Allocator* const allocator = new Allocator(kHost, kExactBlocks);
  return *allocator;
}

Allocator& Allocator::of(Account account) {
  const auto of_device = [](bool exact) {
    const RnDevice& device = *cuda_status().device;
    return new Allocator({device.allocate, device.release, device.available}, exact);
  };
  switch (account) {
    case Account::kCuda:
    case Account::kCudaScratch: {
      static Allocator* const allocator = of_device(kExactBlocks);
      return *allocator;
    }
    case Account::kCudaProgram: {
      static Allocator* const allocator = of_device(false);
      return *allocator;
    }
    default:
      return host();
  }
}

Allocator::Allocator(const MemorySource& source, bool exact)
    : source_(source), exact_(exact), limit_(default_limit()) {}

size_t Allocator::default_limit() const {
  return static_cast<size_t>(static_cast<double>(source_.available()) * kShare);
}

int Allocator::class_of(size_t bytes) {
  if (bytes <= kSmallStep * kSmallClasses)
    return static_cast<int>((std::max<size_t>(bytes, 1) - 1) / kSmallStep);
  // Eight steps per doubling: at most 12.5% is wasted.
  const int log = std::bit_width(bytes - 1) - 1;  // 2^log < bytes <= 2^(log + 1)
  const size_t step = (size_t{1} << log) / kStepsPerDoubling;
  const size_t steps = (bytes - (size_t{1} << log) + step - 1) / step;  // 1..8
  return kSmallClasses + (log - 12) * kStepsPerDoubling + static_cast<int>(steps) - 1;
}

size_t Allocator::class_bytes(int index) {
  if (index < kSmallClasses) return kSmallStep * static_cast<size_t>(index + 1);
  const int log = 12 + (index - kSmallClasses) / kStepsPerDoubling;
  const size_t steps = static_cast<size_t>((index - kSmallClasses) % kStepsPerDoubling) + 1;
  return (size_t{1} << log) + steps * ((size_t{1} << log) / kStepsPerDoubling);
}

Block Allocator::allocate(size_t bytes, Account account) {
  if (bytes > kLargest) return {};
  std::lock_guard lock(mutex_);
  const int index = cached_class(class_of(bytes));
  const size_t size = exact_ ? std::max<size_t>(bytes, 1) : class_bytes(index);
  // What programs hold stays, so only the device itself says how much more there may be.
  const bool limited = account != Account::kCudaProgram;
  if (limited && (size > limit_ || live_ > limit_ - size)) return {};

  void* data = nullptr;
  if (!free_[index].empty()) {
    data = free_[index].back();
    free_[index].pop_back();
    cached_ -= size;
  } else {
    if (limited && live_ + cached_ + size > limit_) trim(limit_ - size);
    if (limited && default_limit_ && size >= kRecheckBytes && size > default_limit()) {
      trim(live_);
      if (size > default_limit()) return {};
    }
    data = source_.take(size);
    if (data == nullptr) {
      trim(live_);
      data = source_.take(size);
    }
    if (data == nullptr && account == Account::kCudaProgram) {
      of(Account::kCuda).give_back();
      data = source_.take(size);
    }
    if (data == nullptr) return {};
  }
  live_ += size;
  AccountStats& stats = accounts_[static_cast<size_t>(account)];
  stats.bytes += size;
  stats.peak = std::max(stats.peak, stats.bytes);
  note_growth();
  return {data, size, account};
}

int Allocator::cached_class(int index) const {
  if (class_bytes(index) < kFitting) return index;
  const int last = std::min(index + kReach, kClasses - 1);
  for (int larger = index; larger <= last; ++larger)
    if (!free_[larger].empty()) return larger;
  return index;
}

void Allocator::release(Block& block) {
  if (block) of(block.account).recycle(block);
}

void Allocator::recycle(Block& block) {
  std::lock_guard lock(mutex_);
  live_ -= block.bytes;
  accounts_[static_cast<size_t>(block.account)].bytes -= block.bytes;
  if (exact_) {
    source_.give(block.data, block.bytes);
  } else {
    free_[class_of(block.bytes)].push_back(block.data);
    cached_ += block.bytes;
    trim(cache_bound());
  }
  block = {};
}

size_t Allocator::cache_bound() const {
  const size_t peak = std::max(window_peak_, previous_peak_);
  return std::min(limit_, peak + peak / 8 + 64 * kMiB);
}

void Allocator::note_growth() {
  window_peak_ = std::max(window_peak_, live_);
  if (++window_count_ < kWindow) return;
  window_count_ = 0;
  previous_peak_ = window_peak_;
  window_peak_ = live_;
  trim(cache_bound());
}

void Allocator::pin() {
  std::lock_guard lock(mutex_);
  ++pins_;
}

void Allocator::unpin() {
  std::lock_guard lock(mutex_);
  if (--pins_ == 0) trim(live_);
}

void Allocator::give_back() {
  std::lock_guard lock(mutex_);
  trim(live_);
}

void Allocator::trim(size_t bound) {
  if (pins_ > 0) return;
  for (int index = kClasses - 1; index >= 0 && cached_ > 0 && live_ + cached_ > bound; --index) {
    const size_t size = class_bytes(index);
    while (!free_[index].empty() && live_ + cached_ > bound) {
      source_.give(free_[index].back(), size);
      free_[index].pop_back();
      cached_ -= size;
    }
  }
}

AccountStats Allocator::stats(Account account) const {
  std::lock_guard lock(mutex_);
  return accounts_[static_cast<size_t>(account)];
}

size_t Allocator::cached() const {
  std::lock_guard lock(mutex_);
  return cached_;
}

size_t Allocator::held() const {
  std::lock_guard lock(mutex_);
  return live_ + cached_;
}

size_t Allocator::limit() const {
  std::lock_guard lock(mutex_);
  return limit_;
}

void Allocator::set_limit(size_t bytes) {
  std::lock_guard lock(mutex_);
  default_limit_ = bytes == 0;
  trim(live_);
  limit_ = default_limit_ ? live_ + default_limit() : bytes;
}

std::string Allocator::shortage(size_t bytes) const {
  std::lock_guard lock(mutex_);
  return "needs " + std::to_string(bytes) + " bytes; " + std::to_string(live_) +
         " of the limit of " + std::to_string(limit_) + " bytes are in use";
}

}  // namespace rnnative

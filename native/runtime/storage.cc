#include "native/runtime/storage.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "native/runtime/error.h"

namespace rnnative {
namespace {

std::atomic<uint64_t> next_storage{1};
std::atomic<uint64_t> next_weight{1};
std::atomic<int64_t> live[3];

Account account_of(Device device) {
  return static_cast<Account>(device);
}

}  // namespace

Range range_of(const Tensor& tensor) {
  const auto size = static_cast<int64_t>(size_of(tensor.dtype));
  return {tensor.offset * size, (tensor.offset + tensor.elements()) * size};
}

bool overlap(const Tensor& a, const Tensor& b) {
  return a.storage == b.storage && range_of(a).overlaps(range_of(b));
}

void add_failure(const Tensor& input, FailurePtr* first) {
  if (*first && *first != Storage::unwritten()) return;
  const FailurePtr& failure = input.storage->failure(range_of(input));
  if (failure) *first = failure;
}

FailurePtr unwritten_input(const char* op) {
  return make_failure(op, "ERR_UNINITIALIZED",
                      "expected inputs that an op has written, got one that none has");
}

Storage::Storage(Device device, size_t bytes)
    : device_(device), bytes_(bytes), id_(next_storage.fetch_add(1, std::memory_order_relaxed)) {
  failures_.assign({0, static_cast<int64_t>(bytes)}, unwritten());
  live[static_cast<int>(device)].fetch_add(1, std::memory_order_relaxed);
}

Storage::~Storage() {
  for (Packed& packed : packed_) Allocator::release(packed.block);
  Allocator::release(block_);
  live[static_cast<int>(device_)].fetch_sub(1, std::memory_order_relaxed);
}

uint64_t Storage::next_id() {
  return next_storage.load(std::memory_order_relaxed);
}

int64_t Storage::count(Device device) {
  return live[static_cast<int>(device)].load(std::memory_order_relaxed);
}

uint64_t Storage::version(Range range) const {
  uint64_t latest = 0;
  versions_.visit(range, [&](uint64_t version) {
    latest = std::max(latest, version);
    return true;
  });
  return latest;
}

uint64_t Storage::weight_id(const Tensor& weight) {
  std::vector<int64_t> key{weight.offset};
  for (int i = 0; i < weight.shape.dims(); ++i) key.push_back(weight.shape[i]);
  const auto [it, added] = weight_ids_.try_emplace(std::move(key), 0);
  if (added) it->second = next_weight.fetch_add(1, std::memory_order_relaxed);
  return it->second;
}

void Storage::allocate() {
  allocate(account_of(device_));
}

void Storage::allocate(Account account) {
  if (block_) return;
  Allocator& allocator = Allocator::of(account);
  block_ = allocator.allocate(bytes_, account);
  if (!block_) throw Error("ERR_OUT_OF_MEMORY", "out of memory: " + allocator.shortage(bytes_));
}

void Storage::keep_host_copy(const void* from) {
  host_copy_ = std::make_unique_for_overwrite<char[]>(bytes_);
  std::memcpy(host_copy_.get(), from, bytes_);
}

const int32_t* Storage::host_copy(const int32_t* data) const {
  const char* start = static_cast<const char*>(block_.data);
  const auto* at = reinterpret_cast<const char*>(data);
  if (!host_copy_ || !start || at < start || at >= start + bytes_) return nullptr;
  return reinterpret_cast<const int32_t*>(host_copy_.get() + (at - start));
}

const FailurePtr& Storage::failure(Range range) const {
  static const FailurePtr* const none = new FailurePtr;
  const FailurePtr* found = none;
  failures_.visit(range, [&](const FailurePtr& failure) {
    // A real failure tells more than a part that was never written.
    if (found->get() == nullptr || *found == unwritten()) found = &failure;
    return *found == unwritten();
  });
  return *found;
}

const FailurePtr& Storage::unwritten() {
  static const FailurePtr* const failure =
      new FailurePtr(std::make_shared<Failure>(Failure{"ERR_UNINITIALIZED", "", true}));
  return *failure;
}

Storage::PackedForm Storage::packed(uint64_t id, uint64_t version, uint32_t kind, size_t bytes,
                                    const void* layout) {
  auto it = std::find_if(packed_.begin(), packed_.end(),
                         [&](const Packed& p) { return p.id == id && p.kind == kind; });
  if (it != packed_.end() && (it->bytes != bytes || it->layout != layout)) {
    Allocator::release(it->block);
    packed_.erase(it);
    it = packed_.end();
  }
  if (it == packed_.end()) {
    packed_.push_back({id, version, kind, layout, bytes, {}, false});
    return {nullptr, true, true};
  }
  const bool fresh = it->version != version;
  if (fresh && !it->used_again) {
    Allocator::release(it->block);
    it->version = version;
    return {nullptr, true, true};
  }
  it->version = version;
  it->used_again = !fresh;
  if (it->block) return {it->block.data, fresh, false};
  it->block = Allocator::of(account_of(device_)).allocate(bytes, account_of(device_));
  return {it->block.data, true, false};
}

void Storage::drop_packed(uint64_t id) {
  std::erase_if(packed_, [&](Packed& packed) {
    if (packed.id != id) return false;
    Allocator::release(packed.block);
    return true;
  });
}

}  // namespace rnnative

#include "native/addon/upload.h"

#include <memory>

#include "native/runtime/allocator.h"
#include "native/runtime/error.h"

namespace rnnative::addon {
namespace {

struct Staged {
  Block block;
  ~Staged() { Allocator::release(block); }
};

// Staged data is the host's, and counts for the device it goes to, unless that has its own memory.
Account account_of(Device device) {
  return device == Device::kCuda ? Account::kScratch : static_cast<Account>(device);
}

}  // namespace

void submit_upload(EngineQueue& queue, Op op, const Tensor& y, const Elements& data) {
  const size_t bytes = y.bytes();
  auto staged = std::make_shared<Staged>();
  const auto take = [&] {
    staged->block = Allocator::host().allocate(bytes, account_of(y.device));
    return static_cast<bool>(staged->block);
  };
  if (!take()) {
    queue.drain();
    if (!take())
      throw Error("ERR_OUT_OF_MEMORY", "[" + std::string(op.name) +
                                           "] out of memory: " + Allocator::host().shortage(bytes));
  }
  copy_elements(data, y.dtype, staged->block.data);
  op.uploads = true;
  queue.submit(
      std::move(op), [y, staged](OpRun& run) { return run.upload(y, staged->block.data); }, bytes);
}

}  // namespace rnnative::addon

#include "native/ops/collective.h"

#include <chrono>
#include <limits>
#include <string>

#include "native/comm/group.h"
#include "native/ops/check.h"
#include "native/runtime/error.h"
#include "native/runtime/storage.h"

namespace rnnative {
namespace {

constexpr const char* kOp = "group_sum";

template <typename T>
void poison(std::vector<char>& bytes) {
  T* const numbers = reinterpret_cast<T*>(bytes.data());
  for (size_t i = 0; i < bytes.size() / sizeof(T); ++i)
    numbers[i] = std::numeric_limits<T>::quiet_NaN();
}

void* data_of(const Tensor& tensor) {
  FailurePtr failure;
  add_failure(tensor, &failure);
  char* const data = static_cast<char*>(tensor.storage->data());
  return failure || data == nullptr ? nullptr : data + range_of(tensor).begin;
}

// On the engine's thread.
void sum(EngineQueue& queue, const RnComm* ranks, const std::vector<Tensor>& tensors, bool bf16) {
  const auto start = std::chrono::steady_clock::now();
  Awaited awaited;
  std::vector<std::vector<char>> poisoned;
  poisoned.reserve(tensors.size());
  for (const Tensor& tensor : tensors) {
    const bool f64 = tensor.dtype == DType::kF64;
    void* data = data_of(tensor);
    if (data == nullptr) {
      std::vector<char>& bytes = poisoned.emplace_back(tensor.bytes());
      if (f64)
        poison<double>(bytes);
      else
        poison<float>(bytes);
      data = bytes.data();
    }
    const int32_t type = f64 ? RN_COMM_F64 : bf16 ? RN_COMM_F32_AS_BF16 : RN_COMM_F32;
    ranks->sum(ranks, data, tensor.elements(), type, Awaited::done, &awaited);
  }
  const std::string error = awaited.wait(static_cast<int>(tensors.size()));
  if (!error.empty()) {
    const FailurePtr failure = make_failure(kOp, "ERR_DEVICE", error);
    for (const Tensor& tensor : tensors) tensor.storage->fail(range_of(tensor), failure);
    queue.note_failure(failure);
  }
  if (queue.profiling) queue.note_time(kOp, start);
}

}  // namespace

void group_sum(EngineQueue& queue, const std::vector<Tensor>& tensors, bool bf16) {
  const RnComm* const ranks = group();
  if (ranks == nullptr) throw Error("ERR_UNSUPPORTED", "[group_sum] there is no group");
  const Checker check(kOp, queue.device());
  if (queue.device() == Device::kCuda) check.fail("ERR_UNSUPPORTED", "tensors: got those of cuda");
  for (const Tensor& tensor : tensors) {
    check.real("tensors", tensor);
    tensor.storage->advance(range_of(tensor));
  }
  queue.control([ranks, tensors, bf16](EngineQueue& self) { sum(self, ranks, tensors, bf16); });
}

}  // namespace rnnative

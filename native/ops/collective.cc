#include "native/ops/collective.h"

#include <chrono>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "native/comm/group.h"
#include "native/comm/trace.h"
#include "native/ops/check.h"
#include "native/runtime/error.h"
#include "native/runtime/storage.h"

namespace rnnative {
namespace {

constexpr const char* kOp = "group_sum";

using Clock = std::chrono::steady_clock;

template <typename T>
void poison(std::vector<char>& bytes) {
  T* const numbers = reinterpret_cast<T*>(bytes.data());
  for (size_t i = 0; i < bytes.size() / sizeof(T); ++i)
    numbers[i] = std::numeric_limits<T>::quiet_NaN();
}

// Null: it could not be computed.
void* data_of(const Tensor& tensor) {
  FailurePtr failure;
  add_failure(tensor, &failure);
  char* const data = static_cast<char*>(tensor.storage->data());
  return failure || data == nullptr ? nullptr : data + range_of(tensor).begin;
}

// One tensor's sum.
struct Sum {
  Tensor tensor;
  int32_t type;
  void* data;
  std::vector<char> poisoned;
  const void* divisor;
  Awaited* awaited;
  Clock::time_point given, done;

  void start(const RnComm* ranks) {
    given = Clock::now();
    ranks->sum(ranks, data, tensor.elements(), type, divisor, finish, this);
  }

  static void finish(void* self, const char* error, const void* data, const int64_t* bytes) {
    auto* const sum = static_cast<Sum*>(self);
    sum->done = Clock::now();
    Awaited::done(sum->awaited, error, data, bytes);
  }
};

// All that belong to a ticket.
struct Step {
  std::deque<Sum> sums;  // which stay where they are
  const void* divisor = nullptr;
  Clock::time_point announced;  // the first
  Awaited awaited;
};

class Sums {
 public:
  static Sums& instance() {
    static Sums* const sums = new Sums;
    return *sums;
  }

  int64_t ticket() {
    const std::lock_guard lock(mutex_);
    return ++last_;
  }

  // On the engine's thread.
  void add(const RnComm* ranks, const Tensor& tensor, bool bf16, int64_t ticket, bool divides) {
    const std::lock_guard lock(mutex_);
    if (ticket < begun_) return;
    std::unique_ptr<Step>& step = steps_[ticket];
    if (!step) {
      step = std::make_unique<Step>();
      step->announced = Clock::now();
    }
    const bool f64 = tensor.dtype == DType::kF64;
    const int32_t type = f64 ? RN_COMM_F64 : bf16 && !divides ? RN_COMM_F32_AS_BF16 : RN_COMM_F32;
    Sum& sum = step->sums.emplace_back(
        Sum{tensor, type, data_of(tensor), {}, step->divisor, &step->awaited, {}, {}});
    if (sum.data == nullptr) {
      sum.poisoned.resize(tensor.bytes());
      if (f64)
        poison<double>(sum.poisoned);
      else
        poison<float>(sum.poisoned);
      sum.data = sum.poisoned.data();
    }
    if (divides) step->divisor = sum.data;
    if (ticket == begun_) sum.start(ranks);
  }

  void begin(const RnComm* ranks, int64_t ticket) {
    const std::lock_guard lock(mutex_);
    if (ticket <= begun_) return;
    begun_ = ticket;
    // Those that have begun are waited for; of others nobody asks any more.
    std::erase_if(steps_, [&](const auto& entry) {
      return entry.first < ticket && entry.second->sums.front().given == Clock::time_point();
    });
    const auto found = steps_.find(ticket);
    if (found == steps_.end()) return;
    for (Sum& sum : found->second->sums) sum.start(ranks);
  }

  // On the engine's thread.
  void wait(EngineQueue& queue, const RnComm* ranks, int64_t ticket) {
    std::unique_ptr<Step> step;
    {
      const std::lock_guard lock(mutex_);
      const auto found = steps_.find(ticket);
      if (found == steps_.end()) return;
      step = std::move(found->second);
      steps_.erase(found);
    }
    const Clock::time_point start = Clock::now();
    ranks->hurry(ranks, 1);
    const std::string error = step->awaited.wait(static_cast<int>(step->sums.size()));
    ranks->hurry(ranks, -1);
    const Clock::time_point end = Clock::now();
    if (!error.empty()) {
      const FailurePtr failure = make_failure(kOp, "ERR_DEVICE", error);
      for (const Sum& sum : step->sums) sum.tensor.storage->fail(range_of(sum.tensor), failure);
      queue.note_failure(failure);
    }
    tell(queue, *ranks, *step, start, end);
  }

 private:
  // How long sums took, one after the other, and how long the engine had to wait for them.
  static void tell(EngineQueue& queue, const RnComm& ranks, const Step& step,
                   Clock::time_point start, Clock::time_point end) {
    GroupTrace* const trace = GroupTrace::of(ranks.rank);
    if (!queue.profiling && trace == nullptr) return;
    if (queue.profiling) queue.note_time("group_wait", start, end);
    if (trace) trace->add(GroupTrace::kEngine, "backward", step.announced, start);
    if (trace) trace->add(GroupTrace::kEngine, "wait for sums", start, end);
    Clock::time_point before;
    for (const Sum& sum : step.sums) {
      const Clock::time_point began = std::max(sum.given, before);
      before = sum.done;
      if (queue.profiling) queue.note_time(kOp, began, sum.done);
      const std::string what = "sum of " + std::to_string(sum.tensor.elements());
      if (trace) trace->add(GroupTrace::kSums, what, began, sum.done);
    }
    if (trace) trace->flush();
  }

  std::mutex mutex_;
  int64_t last_ = 0, begun_ = 0;
  std::map<int64_t, std::unique_ptr<Step>> steps_;
};

const RnComm* opened() {
  const RnComm* const ranks = group();
  if (ranks == nullptr) throw Error("ERR_UNSUPPORTED", "[group_sum] there is no group");
  return ranks;
}

}  // namespace

int64_t group_ticket() {
  opened();
  return Sums::instance().ticket();
}

void group_sum(EngineQueue& queue, const Tensor& tensor, bool bf16, int64_t ticket, bool divides) {
  const RnComm* const ranks = opened();
  const Checker check(kOp, queue.device());
  if (queue.device() == Device::kCuda) check.fail("ERR_UNSUPPORTED", "tensor: got one of cuda");
  check.real("tensor", tensor);
  if (divides && tensor.elements() != 1)
    check.fail("ERR_SHAPE", "tensor: expected one number, got " + tensor.shape.to_string());
  tensor.storage->advance(range_of(tensor));
  queue.control([=](EngineQueue&) { Sums::instance().add(ranks, tensor, bf16, ticket, divides); });
}

void group_begin(int64_t ticket) {
  Sums::instance().begin(opened(), ticket);
}

void group_wait(EngineQueue& queue, int64_t ticket) {
  const RnComm* const ranks = opened();
  queue.control([=](EngineQueue& self) { Sums::instance().wait(self, ranks, ticket); });
}

}  // namespace rnnative

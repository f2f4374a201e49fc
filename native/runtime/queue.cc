#include "native/runtime/queue.h"

#include <cstring>

#include "native/runtime/cuda_loader.h"
#include "native/runtime/error.h"
#include "native/runtime/op_task.h"
#include "native/runtime/storage.h"

namespace rnnative {
namespace {

// More unread failures than this are not kept: the first is what a reader wants.
constexpr size_t kMaxUnread = 64;

[[noreturn]] void refuse_overlap(const Op& op, const Tensor& output) {
  throw Error("ERR_ARGUMENT", "[" + std::string(op.name) + "] output " + output.shape.to_string() +
                                  ": expected memory of its own, got a range that overlaps "
                                  "another argument");
}

void check(const Op& op) {
  const auto check_device = [&](const Tensor& tensor) {
    if (tensor.device != op.device)
      throw Error("ERR_DEVICE", "[" + std::string(op.name) + "] expected tensors on " +
                                    name_of(op.device) + ", got one on " + name_of(tensor.device));
  };
  for (const Tensor& input : op.inputs) check_device(input);
  for (size_t i = 0; i < op.outputs.size(); ++i) {
    const Tensor& output = op.outputs[i].tensor;
    check_device(output);
    for (const Tensor& input : op.inputs)
      if (overlap(output, input)) refuse_overlap(op, output);
    for (size_t j = 0; j < i; ++j)
      if (overlap(output, op.outputs[j].tensor)) refuse_overlap(op, output);
  }
}

FailurePtr device_failure(const EngineQueue& queue, const char* error) {
  return status_failure(queue.last_op ? queue.last_op : "read", RN_ERR_DEVICE, error);
}

FailurePtr wait_for_device(const EngineQueue& queue) {
  char error[256] = "";
  if (cuda_status().device->synchronize(error) == RN_OK) return nullptr;
  return device_failure(queue, error);
}

class ReadTask final : public Task {
 public:
  ReadTask(Tensor tensor, void* destination, Done done)
      : tensor_(std::move(tensor)), destination_(destination), done_(std::move(done)) {}
  bool writes_javascript_memory() const override { return true; }
  bool announces() const override { return true; }

  void run(EngineQueue& queue) override {
    FailurePtr failure = tensor_.storage->failure(range_of(tensor_));
    if (failure == Storage::unwritten())
      failure = make_failure("read", "ERR_UNINITIALIZED",
                             "x: expected a tensor that an op has written, got " +
                                 tensor_.shape.to_string() + " that none has");
    if (!failure && !destination_ && tensor_.bytes() > 0)
      failure = make_failure("read", "ERR_OUT_OF_MEMORY",
                             "out of memory: " + Allocator::host().shortage(tensor_.bytes()));
    if (!failure && tensor_.bytes() > 0) failure = copy(queue);
    if (failure) failure->reported = true;
    tensor_ = {};  // freed before the promise resolves, if nobody else holds it
    done_(failure);
  }

 private:
  FailurePtr copy(const EngineQueue& queue) {
    const char* source =
        static_cast<const char*>(tensor_.storage->data()) + range_of(tensor_).begin;
    if (tensor_.device != Device::kCuda) {
      std::memcpy(destination_, source, tensor_.bytes());
      return nullptr;
    }
    char error[256] = "";
    if (cuda_status().device->download(destination_, source, tensor_.bytes(), error) == RN_OK)
      return nullptr;
    return device_failure(queue, error);
  }

  Tensor tensor_;
  void* destination_;
  Done done_;
};

class ControlTask final : public Task {
 public:
  explicit ControlTask(std::function<void(EngineQueue&)> action) : action_(std::move(action)) {}
  bool announces() const override { return true; }
  void run(EngineQueue& queue) override { action_(queue); }

 private:
  std::function<void(EngineQueue&)> action_;
};

class ProgramTask final : public Task {
 public:
  ProgramTask(std::shared_ptr<Program> program, ProgramRun run)
      : program_(std::move(program)), run_(std::move(run)) {}
  void run(EngineQueue& queue) override { program_->run(queue, run_); }

 private:
  std::shared_ptr<Program> program_;
  ProgramRun run_;
};

}  // namespace

struct EngineQueue::Recording {
  uint64_t first_storage;
  std::vector<std::unique_ptr<OpTask>> ops;
};

EngineQueue::EngineQueue(Device device, const RnBackend& backend)
    : device_(device), engine_(Engine::of(device)), backend_(&backend) {}

EngineQueue::~EngineQueue() = default;

void EngineQueue::submit(Op op, Kernel kernel, size_t staged_bytes) {
  std::vector<WeightUse> weights = std::move(weights_);
  weights_.clear();
  check(op);
  for (const Op::Output& output : op.outputs)
    output.tensor.storage->advance(range_of(output.tensor));
  auto task = std::make_unique<OpTask>(std::move(op), std::move(kernel), *backend_,
                                       std::move(weights), staged_bytes);
  if (recording_)
    recording_->ops.push_back(std::move(task));
  else
    engine_.push(shared_from_this(), std::move(task));
}

void EngineQueue::begin_recording() {
  if (device_ != Device::kCuda)
    throw Error("ERR_UNSUPPORTED",
                std::string("[program] device: expected cuda, got ") + name_of(device_));
  if (recording_)
    throw Error("ERR_BUSY", "[program] expected no other recording, got a second one");
  recording_ = std::make_unique<Recording>(Storage::next_id());
}

std::shared_ptr<Program> EngineQueue::end_recording(const std::vector<Tensor>& outputs,
                                                    int64_t token_step) {
  if (!recording_) throw Error("ERR_ARGUMENT", "[program] expected a recording, got none");
  const std::unique_ptr<Recording> recording = std::move(recording_);
  return std::make_shared<Program>(std::move(recording->ops), recording->first_storage, outputs,
                                   token_step);
}

void EngineQueue::cancel_recording() {
  recording_ = nullptr;
}

void EngineQueue::run(std::shared_ptr<Program> program, ProgramRun run) {
  engine_.push(shared_from_this(),
               std::make_unique<ProgramTask>(std::move(program), std::move(run)));
}

RnWeight EngineQueue::weight(const Tensor& t) {
  if (!t) return {nullptr, 0, 0};
  const RnWeight weight{nullptr, t.storage->weight_id(t), t.storage->version(range_of(t))};
  weights_.push_back({weight.id, t.storage});
  return weight;
}

void EngineQueue::read(const Tensor& tensor, void* destination, Done done) {
  engine_.push(shared_from_this(),
               std::make_unique<ReadTask>(tensor, destination, std::move(done)));
}

void EngineQueue::control(std::function<void(EngineQueue&)> action) {
  engine_.push(shared_from_this(), std::make_unique<ControlTask>(std::move(action)));
}

void EngineQueue::note_failure(const FailurePtr& failure) {
  std::erase_if(unread_, [](const FailurePtr& old) { return old->reported; });
  if (unread_.size() < kMaxUnread) unread_.push_back(failure);
}

void EngineQueue::note_time(const char* op, std::chrono::steady_clock::time_point start,
                            std::chrono::steady_clock::time_point end) {
  const std::chrono::duration<double, std::milli> time = end - start;
  ProfileRow& row = profile[op];
  ++row.calls;
  row.milliseconds += time.count();
}

FailurePtr EngineQueue::finish() {
  FailurePtr first = device_ == Device::kCuda ? wait_for_device(*this) : nullptr;
  for (const FailurePtr& failure : unread_)
    if (!failure->reported && !first) first = failure;
  unread_.clear();
  return first;
}

}  // namespace rnnative

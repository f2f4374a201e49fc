#include "native/runtime/program.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "native/runtime/cuda_loader.h"
#include "native/runtime/op_task.h"
#include "native/runtime/storage.h"

namespace rnnative {
namespace {

constexpr const char* kName = "program";

bool same_range(const Tensor& a, const Tensor& b) {
  return a.storage == b.storage && range_of(a).begin == range_of(b).begin &&
         range_of(a).end == range_of(b).end;
}

FailurePtr device_failure(int32_t status, const char* error) {
  return status_failure(kName, status, error);
}

// Of recording: drivers may refuse it, and there may be no memory for it.
FailurePtr with_another_way(const FailurePtr& failure) {
  const std::string_view code = failure->code;
  if (code != "ERR_DEVICE" && code != "ERR_OUT_OF_MEMORY" && code != "ERR_UNSUPPORTED")
    return failure;
  return make_failure(kName, failure->code,
                      failure->message + "; RNNATIVE_CUDA_GRAPHS=0 trains without recording steps");
}

}  // namespace

Program::Program(std::vector<std::unique_ptr<OpTask>> ops, uint64_t first_storage,
                 const std::vector<Tensor>& outputs, int64_t token_step)
    : token_step_(token_step), first_storage_(first_storage), ops_(std::move(ops)) {
  for (const Tensor& output : outputs) outputs_.push_back(output.storage.get());
  const auto written = [&](const Tensor& tensor) {
    return std::any_of(writes_.begin(), writes_.end(),
                       [&](const Op::Output& output) { return overlap(output.tensor, tensor); });
  };
  const auto add_read = [&](const Tensor& tensor) {
    if (!lasts(*tensor.storage) || written(tensor)) return;
    const auto is_same = [&](const Tensor& other) { return same_range(other, tensor); };
    if (std::none_of(reads_.begin(), reads_.end(), is_same)) reads_.push_back(tensor);
  };
  for (const auto& task : ops_) {
    const Op& op = task->op();
    for (const Tensor& input : op.inputs) add_read(input);
    for (const Op::Output& output : op.outputs)
      if (output.is_read()) add_read(output.tensor);
    for (const Op::Output& output : op.outputs) {
      if (!lasts(*output.tensor.storage)) continue;
      const auto is_same = [&](const Op::Output& other) {
        return same_range(other.tensor, output.tensor);
      };
      if (std::none_of(writes_.begin(), writes_.end(), is_same)) writes_.push_back(output);
    }
  }
  Allocator::of(Account::kCudaProgram).pin();
}

Program::~Program() {
  if (program_) cuda_status().device->drop_program(program_);
  // Before the allocator lets go of what is not in use.
  ops_.clear();
  drop_packed();
  reads_.clear();
  writes_.clear();
  constants_.clear();
  Allocator::of(Account::kCudaProgram).unpin();
}

bool Program::lasts(const Storage& storage) const {
  return storage.id() < first_storage_ ||
         std::find(outputs_.begin(), outputs_.end(), &storage) != outputs_.end();
}

void Program::advance() {
  for (const Op::Output& output : writes_) output.tensor.storage->advance(range_of(output.tensor));
}

void Program::run(EngineQueue& queue, const ProgramRun& run) {
  const auto start = std::chrono::steady_clock::now();
  queue.last_op = kName;
  std::vector<FailurePtr> before;  // recording marks what is written, though nothing is yet
  const bool first = !program_ && !failure_;
  if (first) {
    for (const Op::Output& output : writes_)
      before.push_back(output.tensor.storage->failure(range_of(output.tensor)));
    failure_ = record();
    if (failure_) failure_ = with_another_way(failure_);
  }
  const FailurePtr failure = failure_ ? failure_ : launch(run);
  if (failure) queue.note_failure(failure);
  for (size_t i = 0; i < writes_.size(); ++i) {
    const Tensor& tensor = writes_[i].tensor;
    Storage& storage = *tensor.storage;
    if (!failure) {
      storage.succeed(range_of(tensor));
      storage.drop_host_copy();
    } else if (writes_[i].fails()) {
      storage.fail(range_of(tensor), failure);
    } else if (first && before[i]) {
      storage.fail(range_of(tensor), before[i]);
    }
  }
  if (!queue.profiling) return;
  char error[256] = "";
  cuda_status().device->synchronize(error);
  queue.note_time(kName, start);
}

FailurePtr Program::refusal(const Op& op) const {
  const auto predates = [&](const Tensor& tensor) { return tensor.storage->id() < first_storage_; };
  for (const Tensor& input : op.inputs)
    if (input.dtype == DType::kU8 && predates(input))
      return make_failure(op.name, "ERR_UNSUPPORTED",
                          "expected what a forward pass of the same program saved, got an earlier "
                          "one's");
  for (const auto& [output, role] : op.outputs) {
    if (op.uploads && predates(output))
      return make_failure(op.name, "ERR_UNSUPPORTED",
                          "it sends numbers from the host, which a program does only once");
    const auto is_same = [&, &tensor = output](const Constant& constant) {
      return constant.tensor.storage == tensor.storage;
    };
    if (std::any_of(constants_.begin(), constants_.end(), is_same))
      return make_failure(op.name, "ERR_UNSUPPORTED",
                          "expected memory that it may write, got a constant of the program");
  }
  return nullptr;
}

FailurePtr Program::record_ops() {
  // Outputs that somebody may still hold.
  std::vector<std::pair<std::weak_ptr<Storage>, Range>> passing;
  FailurePtr failure;
  // An op goes as soon as it is recorded, and with it what only it and those before it used: the
  // memory is for those that follow.
  for (std::unique_ptr<OpTask>& op : std::exchange(ops_, {})) {
    if (!failure) {
      for (const Op::Output& output : op->op().outputs)
        if (!op->op().uploads && !lasts(*output.tensor.storage))
          passing.emplace_back(output.tensor.storage, range_of(output.tensor));
      failure = op->record(*this);
    }
    op.reset();
  }
  const FailurePtr meaningless =
      make_failure(kName, "ERR_UNINITIALIZED",
                   "expected one of the program's outputs, got a tensor that only it uses");
  meaningless->reported = true;  // unless somebody reads it
  for (const auto& [storage, range] : passing)
    if (const auto held = storage.lock()) held->fail(range, failure ? failure : meaningless);
  return failure;
}

void Program::drop_packed() {
  for (Packed& packed : packed_) Allocator::release(packed.block);
  packed_.clear();
}

FailurePtr Program::record() {
  const RnDevice& device = *cuda_status().device;
  char error[256] = "";
  int32_t status = device.begin_program(token_step_, error);
  if (status != RN_OK) {
    ops_.clear();
    return device_failure(status, error);
  }
  FailurePtr failure;
  try {
    failure = record_ops();
  } catch (...) {
    device.end_program(nullptr, error);
    throw;
  }
  drop_packed();
  status = device.end_program(failure ? nullptr : &program_, error);
  if (failure) return failure;
  for (Constant& constant : constants_) {
    if (status != RN_OK) break;
    const Tensor& tensor = constant.tensor;
    char* to = static_cast<char*>(tensor.storage->data()) + range_of(tensor).begin;
    status = device.upload(to, constant.bytes.data(), constant.bytes.size(), error);
    constant.bytes = {};
  }
  return status == RN_OK ? nullptr : device_failure(status, error);
}

FailurePtr Program::launch(const ProgramRun& run) {
  FailurePtr failure;
  for (const Tensor& tensor : reads_) add_failure(tensor, &failure);
  if (failure) return failure == Storage::unwritten() ? unwritten_input(kName) : failure;
  RnProgramRun values = {};
  values.random_steps = run.random_steps;
  values.updates = static_cast<int32_t>(run.rates.size());
  values.rates = run.rates.data();
  values.steps = run.steps.data();
  values.runtime = this;
  values.host = [](void* self, const int32_t* data) {
    return static_cast<Program*>(self)->host_copy(data);
  };
  char error[256] = "";
  const int32_t status = cuda_status().device->run_program(program_, &values, error);
  return status == RN_OK ? nullptr : device_failure(status, error);
}

void Program::keep(const Tensor& tensor, const void* from) {
  const auto* bytes = static_cast<const char*>(from);
  constants_.push_back({tensor, {bytes, bytes + tensor.bytes()}});
}

void* Program::packed(uint64_t id, uint64_t version, uint32_t kind, size_t bytes, bool* fresh) {
  for (const Packed& packed : packed_) {
    if (packed.id != id || packed.version != version || packed.kind != kind) continue;
    if (packed.block.bytes < bytes) continue;
    *fresh = false;
    return packed.block.data;
  }
  *fresh = true;
  const Block block = Allocator::of(Account::kCudaProgram).allocate(bytes, Account::kCudaProgram);
  if (block) packed_.push_back({id, version, kind, block});
  return block.data;
}

const int32_t* Program::host_copy(const int32_t* data) const {
  for (const Tensor& tensor : reads_)
    if (const int32_t* found = tensor.storage->host_copy(data)) return found;
  for (const Constant& constant : constants_)
    if (const int32_t* found = constant.tensor.storage->host_copy(data)) return found;
  return nullptr;
}

}  // namespace rnnative

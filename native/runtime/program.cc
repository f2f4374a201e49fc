#include "native/runtime/program.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>

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

bool overlap(const Tensor& a, const Tensor& b) {
  return a.storage == b.storage && range_of(a).overlaps(range_of(b));
}

FailurePtr device_failure(int32_t status, const char* error) {
  return status_failure(kName, status, error);
}

// Of recording, which drivers may refuse and for which there may be no memory.
FailurePtr recording_failure(const Failure& failure) {
  const std::string_view code = failure.code;
  const bool another_way =
      code == "ERR_DEVICE" || code == "ERR_OUT_OF_MEMORY" || code == "ERR_UNSUPPORTED";
  return make_failure(
      kName, failure.code,
      failure.message +
          (another_way ? "; RNNATIVE_CUDA_GRAPHS=0 trains without recording steps" : ""));
}

}  // namespace

Program::Program(std::vector<std::unique_ptr<OpTask>> ops, uint64_t first_storage,
                 const std::vector<Tensor>& outputs, int64_t token_step)
    : token_step_(token_step), ops_(std::move(ops)) {
  const auto lasts = [&](const Tensor& tensor) {
    return tensor.storage->id() < first_storage ||
           std::any_of(
               outputs.begin(), outputs.end(),
               [&](const Tensor& output) { return output.storage == tensor.storage; });
  };
  const auto written = [&](const Tensor& tensor) {
    return std::any_of(writes_.begin(), writes_.end(),
                       [&](const Op::Output& output) { return overlap(output.tensor, tensor); });
  };
  const auto add_read = [&](const Tensor& tensor) {
    if (!lasts(tensor) || written(tensor)) return;
    const auto is_same = [&](const Tensor& other) { return same_range(other, tensor); };
    if (std::none_of(reads_.begin(), reads_.end(), is_same)) reads_.push_back(tensor);
  };
  for (const auto& task : ops_) {
    const Op& op = task->op();
    for (const Tensor& input : op.inputs) add_read(input);
    for (const Op::Output& output : op.outputs) {
      if (output.role == Op::Role::kAdds || output.role == Op::Role::kUpdates)
        add_read(output.tensor);
    }
    for (const Op::Output& output : op.outputs) {
      if (!lasts(output.tensor)) continue;
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
  reads_.clear();
  writes_.clear();
  constants_.clear();
  Allocator::of(Account::kCudaProgram).unpin();
}

void Program::advance() {
  for (const Op::Output& output : writes_) output.tensor.storage->advance(range_of(output.tensor));
}

void Program::run(EngineQueue& queue, const ProgramRun& run) {
  const auto start = std::chrono::steady_clock::now();
  queue.last_op = kName;
  if (!program_ && !failure_) {
    failure_ = record();
    if (failure_) failure_ = recording_failure(*failure_);
  }
  const FailurePtr failure = failure_ ? failure_ : launch(run);
  if (failure) queue.note_failure(failure);
  for (const Op::Output& output : writes_) {
    Storage& storage = *output.tensor.storage;
    const bool fails = output.role == Op::Role::kWrites || output.role == Op::Role::kAdds;
    if (!failure)
      storage.succeed(range_of(output.tensor));
    else if (fails)
      storage.fail(range_of(output.tensor), failure);
  }
  if (!queue.profiling) return;
  char error[256] = "";
  cuda_status().device->synchronize(error);
  ProfileRow& row = queue.profile[kName];
  ++row.calls;
  row.milliseconds +=
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

FailurePtr Program::record() {
  const RnDevice& device = *cuda_status().device;
  char error[256] = "";
  int32_t status = device.begin_program(token_step_, error);
  FailurePtr failure = status == RN_OK ? nullptr : device_failure(status, error);
  // An op goes as soon as it is recorded, and with it what only it and those before it used: the
  // memory is for those that follow.
  for (auto& op : ops_) {
    if (!failure) failure = op->record(*this);
    op.reset();
  }
  ops_.clear();
  for (Packed& packed : packed_) Allocator::release(packed.block);
  packed_.clear();
  RnProgram* made = nullptr;
  if (status == RN_OK) {
    status = device.end_program(failure ? nullptr : &made, error);
    if (!failure && status != RN_OK) failure = device_failure(status, error);
  }
  for (Constant& constant : constants_) {
    if (failure) break;
    char* to =
        static_cast<char*>(constant.tensor.storage->data()) + range_of(constant.tensor).begin;
    status = device.upload(to, constant.bytes.data(), constant.bytes.size(), error);
    if (status != RN_OK) failure = device_failure(status, error);
    constant.bytes = {};
  }
  if (!failure)
    program_ = made;
  else if (made)
    device.drop_program(made);
  return failure;
}

FailurePtr Program::launch(const ProgramRun& run) {
  FailurePtr failure = input_failure();
  if (failure == Storage::unwritten())
    return make_failure(kName, "ERR_UNINITIALIZED",
                        "expected inputs that an op has written, got one that none has");
  if (failure) return failure;
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

FailurePtr Program::input_failure() const {
  FailurePtr first;
  for (const Tensor& tensor : reads_) {
    if (first && first != Storage::unwritten()) break;
    const FailurePtr& failure = tensor.storage->failure(range_of(tensor));
    if (failure) first = failure;
  }
  return first;
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
  const auto find = [&](const Tensor& tensor) -> const int32_t* {
    const char* start = static_cast<const char*>(tensor.storage->data());
    const char* copy = tensor.storage->host_copy();
    const auto* at = reinterpret_cast<const char*>(data);
    if (!copy || !start || at < start || at >= start + tensor.storage->bytes()) return nullptr;
    return reinterpret_cast<const int32_t*>(copy + (at - start));
  };
  for (const Tensor& tensor : reads_)
    if (const int32_t* found = find(tensor)) return found;
  for (const Constant& constant : constants_)
    if (const int32_t* found = find(constant.tensor)) return found;
  return nullptr;
}

}  // namespace rnnative

#include "native/runtime/op_task.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "native/runtime/cuda_loader.h"
#include "native/runtime/error.h"
#include "native/runtime/placement.h"
#include "native/runtime/program.h"
#include "native/runtime/team.h"

namespace rnnative {
namespace {

// Whether to wait for every op on the CUDA device, so that a fault names the op that made it.
bool synchronous() {
  static const bool set = [] {
    const char* value = std::getenv("RNNATIVE_CUDA_SYNC");
    return value != nullptr && std::strcmp(value, "1") == 0;
  }();
  return set;
}

}  // namespace

RnGrad OpRun::grad(const Tensor& t, bool add) {
  if (!t) return {nullptr, RN_GRAD_SKIP};
  return {data(t), add ? RN_GRAD_ADD : RN_GRAD_WRITE};
}

OpTask::OpTask(Op op, Kernel kernel, const RnBackend& backend, std::vector<WeightUse> weights,
               size_t staged_bytes)
    : Task(staged_bytes),
      op_(std::move(op)),
      kernel_(std::move(kernel)),
      backend_(backend),
      weights_(std::move(weights)) {}

void OpTask::run(EngineQueue& queue) {
  const auto start =
      queue.profiling ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
  queue.last_op = op_.name;
  execute(&queue, queue.profiling || synchronous());
  if (queue.profiling) queue.note_time(op_.name, start);
}

FailurePtr OpTask::record(Program& program) {
  program_ = &program;
  const FailurePtr refused = program.refusal(op_);
  return refused ? refused : execute(nullptr, false);
}

FailurePtr OpTask::execute(EngineQueue* queue, bool wait) {
  FailurePtr failure = input_failure();
  bool own = false;  // nobody has heard of it yet
  if (!failure) {
    failure = compute(wait);
    release_scratch(0);
    own = failure != nullptr;
    if (failure)
      for (const WeightUse* use : filled_) use->storage->drop_packed(use->id);
  } else if (failure == Storage::unwritten()) {
    failure = unwritten_input(op_.name);
    own = true;
  }
  if (own && queue) queue->note_failure(failure);

  for (const Op::Output& output : op_.outputs) {
    Storage& storage = *output.tensor.storage;
    if (!failure)
      storage.succeed(range_of(output.tensor));
    else if (output.fails())
      storage.fail(range_of(output.tensor), failure);
  }
  return failure;
}

FailurePtr OpTask::input_failure() const {
  FailurePtr first;
  for (const Tensor& input : op_.inputs) add_failure(input, &first);
  for (const Op::Output& output : op_.outputs)
    if (output.is_read()) add_failure(output.tensor, &first);
  return first;
}

FailurePtr OpTask::compute(bool wait) {
  settle();
  context_.struct_size = sizeof(RnContext);
  context_.threads = Engine::of(op_.device).threads();
  context_.runtime = this;
  context_.name = op_.name;
  context_.parallel = [](int32_t threads, Team::Body body, void* argument) {
    Team::instance().run(threads, body, argument);
  };
  context_.scratch = [](void* self, size_t bytes) {
    return static_cast<OpTask*>(self)->scratch(bytes);
  };
  context_.held = [](void* self) { return static_cast<OpTask*>(self)->scratch_.size(); };
  context_.release = [](void* self, size_t count) {
    static_cast<OpTask*>(self)->release_scratch(count);
  };
  context_.host = [](void* self, const int32_t* data) {
    return static_cast<OpTask*>(self)->host_copy(data);
  };
  context_.packed = [](void* self, uint64_t id, uint64_t version, uint32_t kind, size_t bytes,
                       int32_t* fresh) {
    return static_cast<OpTask*>(self)->packed(id, version, kind, bytes, fresh);
  };
  // The process never aborts: whatever goes wrong in here fails the outputs.
  try {
    for (const Op::Output& output : op_.outputs) {
      // What is uploaded once must be nobody else's in any run, nor what is read after it.
      if (program_ && !op_.uploads && !program_->lasts(*output.tensor.storage))
        output.tensor.storage->allocate(scratch_account());
      else
        output.tensor.storage->allocate();
      output.tensor.storage->drop_host_copy();
    }
    int32_t status = kernel_(*this);
    if (status == RN_OK && op_.device == Device::kCuda && wait)
      status = cuda_status().device->synchronize(context_.error);
    if (status == RN_ERR_OUT_OF_MEMORY && device_lost()) status = RN_ERR_DEVICE;
    return status == RN_OK ? nullptr : describe(status);
  } catch (const Error& error) {
    if (error.code() == std::string_view("ERR_OUT_OF_MEMORY") && device_lost())
      return describe(RN_ERR_DEVICE);
    return make_failure(op_.name, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return make_failure(op_.name, "ERR_OUT_OF_MEMORY", "out of memory");
  } catch (const std::exception& error) {
    return make_failure(op_.name, "ERR_INTERNAL", error.what());
  } catch (...) {
    return make_failure(op_.name, "ERR_INTERNAL", "unknown exception");
  }
}

bool OpTask::device_lost() {
  // A device that records cannot be waited for.
  return op_.device == Device::kCuda && !program_ &&
         cuda_status().device->synchronize(context_.error) != RN_OK;
}

FailurePtr OpTask::describe(int32_t status) const {
  std::string text(context_.error, strnlen(context_.error, sizeof context_.error));
  if (status == RN_ERR_OUT_OF_MEMORY && refused_bytes_ > 0)
    text = (text.empty() ? "out of memory" : text) + ": " +
           Allocator::of(scratch_account()).shortage(refused_bytes_);
  return status_failure(op_.name, status, text);
}

void* OpTask::data(const Tensor& t) {
  if (!t || !t.storage->data()) return nullptr;
  return static_cast<char*>(t.storage->data()) + range_of(t).begin;
}

int32_t OpTask::upload(const Tensor& t, const void* from) {
  if (t.bytes() == 0) return RN_OK;
  if (t.device != Device::kCuda) {
    std::memcpy(data(t), from, t.bytes());
    return RN_OK;
  }
  if (t.dtype == DType::kI32 && t.bytes() == t.storage->bytes()) t.storage->keep_host_copy(from);
  if (program_) {
    program_->keep(t, from);
    return RN_OK;
  }
  return cuda_status().device->upload(data(t), from, t.bytes(), context_.error);
}

const int32_t* OpTask::host_copy(const int32_t* data) const {
  for (const Tensor& input : op_.inputs)
    if (const int32_t* found = input.storage->host_copy(data)) return found;
  return nullptr;
}

Account OpTask::scratch_account() const {
  if (op_.device != Device::kCuda) return Account::kScratch;
  return program_ ? Account::kCudaProgram : Account::kCudaScratch;
}

void* OpTask::scratch(size_t bytes) {
  const Block block = Allocator::of(scratch_account()).allocate(bytes, scratch_account());
  if (block)
    scratch_.push_back(block);
  else
    refused_bytes_ = bytes;
  return block.data;
}

void OpTask::release_scratch(size_t count) {
  while (scratch_.size() > count) {
    Allocator::release(scratch_.back());
    scratch_.pop_back();
  }
}

void* OpTask::packed(uint64_t id, uint64_t version, uint32_t kind, size_t bytes, int32_t* fresh) {
  *fresh = 1;
  for (const WeightUse& use : weights_) {
    if (use.id != id) continue;
    if (program_) {
      bool fill = true;
      void* data = program_->packed(id, version, kind, bytes, &fill);
      if (!data) refused_bytes_ = bytes;
      *fresh = fill ? 1 : 0;
      return data;
    }
    const auto [data, fill, passing] = use.storage->packed(id, version, kind, bytes, &backend_);
    if (passing) break;
    if (!data) refused_bytes_ = bytes;
    if (fill) filled_.push_back(&use);
    *fresh = fill ? 1 : 0;
    return data;
  }
  return scratch(bytes);
}

}  // namespace rnnative

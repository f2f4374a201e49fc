// An op in a queue: runs its kernel, or passes its inputs' failure on; or one of a program's, which
// records what its kernel launches.
#ifndef RNNATIVE_RUNTIME_OP_TASK_H_
#define RNNATIVE_RUNTIME_OP_TASK_H_

#include <vector>

#include "native/runtime/queue.h"
#include "native/runtime/storage.h"

namespace rnnative {

class Program;

class OpTask final : public Task, private OpRun {
 public:
  OpTask(Op op, Kernel kernel, const RnBackend& backend, std::vector<WeightUse> weights,
         size_t staged_bytes);
  void run(EngineQueue& queue) override;
  // Runs while the device records. Null, or why `program` cannot be.
  FailurePtr record(Program& program);
  const Op& op() const { return op_; }

 private:
  const RnBackend& backend() const override { return backend_; }
  RnContext* context() override { return &context_; }
  void* data(const Tensor& t) override;
  int32_t upload(const Tensor& t, const void* from) override;

  // The failure of the op, null when it was computed; outputs are marked.
  FailurePtr execute(EngineQueue* queue, bool wait);
  // The failure among what the op reads, or null.
  FailurePtr input_failure() const;
  // Allocates, runs, and waits for the device if told to. Null: done.
  FailurePtr compute(bool wait);
  // Whether the CUDA device has failed for good, which its allocator tells as a lack of memory.
  bool device_lost();
  FailurePtr describe(int32_t status) const;

  // Where the op's own memory comes from; outputs too, when it is recorded.
  Account scratch_account() const;
  void* scratch(size_t bytes);
  const int32_t* host_copy(const int32_t* data) const;
  void release_scratch(size_t count);
  void* packed(uint64_t id, uint64_t version, uint32_t kind, size_t bytes, int32_t* fresh);

  Op op_;
  Kernel kernel_;
  const RnBackend& backend_;
  std::vector<WeightUse> weights_;
  std::vector<const WeightUse*> filled_;  // packed forms that this op was to fill
  std::vector<Block> scratch_;
  size_t refused_bytes_ = 0;  // the last request that scratch or packed could not meet
  RnContext context_ = {};
  Program* program_ = nullptr;  // that is being recorded
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_OP_TASK_H_

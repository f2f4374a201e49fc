// A sequence of ops on the CUDA device, recorded once and run again and again as one task: a step
// of training. It saves what submitting them costs JavaScript, the engine and the driver each time.
//
// Every run uses the same memory. What the ops read and write that was there before the recording,
// parameters, inputs, states, is kept as long as the program; so are its declared outputs. All else
// is memory of Account::kCudaProgram, which means nothing between two runs.
#ifndef RNNATIVE_RUNTIME_PROGRAM_H_
#define RNNATIVE_RUNTIME_PROGRAM_H_

#include <memory>
#include <vector>

#include "native/abi/device.h"
#include "native/runtime/allocator.h"
#include "native/runtime/engine.h"
#include "native/runtime/failure.h"
#include "native/runtime/op.h"

namespace rnnative {

class OpTask;

// What changes from run to run.
struct ProgramRun {
  uint64_t random_steps = 0;   // that have passed since the recording
  std::vector<double> rates;   // of the optimizers' updates, in order
  std::vector<int64_t> steps;  // theirs
};

class Program {
 public:
  // Storages with ids from `first_storage` on were made by the ops. `outputs` are those to be read.
  Program(std::vector<std::unique_ptr<OpTask>> ops, uint64_t first_storage,
          const std::vector<Tensor>& outputs, int64_t token_step);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // On the environment's thread, before every run but the first: what is written has new versions.
  void advance();
  // On the engine's thread. The first run records.
  void run(EngineQueue& queue, const ProgramRun& run);

  // Whether a storage is of use outside of a run: one that was there, or a declared output.
  bool lasts(const Storage& storage) const;
  // Why an op cannot be part of it, or null.
  FailurePtr refusal(const Op& op) const;
  // For its ops that upload, while they are recorded: fills the tensor's range once, before the
  // first run.
  void keep(const Tensor& tensor, const void* from);
  // As Storage::packed. Each run fills a version's form where the first op asks for it: what a run
  // finds in it is of versions yet to come. Null: over the limit.
  void* packed(uint64_t id, uint64_t version, uint32_t kind, size_t bytes, bool* fresh);

 private:
  struct Constant {
    Tensor tensor;
    std::vector<char> bytes;
  };

  struct Packed {
    uint64_t id, version;
    uint32_t kind;
    Block block;
  };

  FailurePtr record();
  FailurePtr record_ops();
  void drop_packed();
  FailurePtr launch(const ProgramRun& run);
  const int32_t* host_copy(const int32_t* data) const;

  const int64_t token_step_;
  const uint64_t first_storage_;
  std::vector<const Storage*> outputs_;
  std::vector<std::unique_ptr<OpTask>> ops_;  // until they are recorded
  std::vector<Tensor> reads_;                 // of what was there, before the program writes it
  std::vector<Op::Output> writes_;            // of what was there, and the outputs
  std::vector<Constant> constants_;
  std::vector<Packed> packed_;  // while it is recorded
  RnProgram* program_ = nullptr;
  FailurePtr failure_;  // why there is none
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_PROGRAM_H_

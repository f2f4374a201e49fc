// How native/ops hands work to the engine. An Op names every tensor it touches, so the engine can
// allocate outputs, carry failures from inputs to outputs, advance versions and keep storage alive.
#ifndef RNNATIVE_RUNTIME_OP_H_
#define RNNATIVE_RUNTIME_OP_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "native/abi/backend.h"
#include "native/runtime/tensor.h"

namespace rnnative {

class OpRun;
using Kernel = std::function<int32_t(OpRun&)>;  // answers an RnStatus

// List a tensor once: Queue::submit refuses (ERR_ARGUMENT) ranges that overlap, unless both are
// only read, and tensors of another device (ERR_DEVICE). So kernels may rely on their outputs
// aliasing nothing.
class Op {
 public:
  Op(const char* name, Device device) : name(name), device(device) {}
  // Read only; a failed input keeps the op from running. Null tensors are ignored everywhere.
  Op& reads(const Tensor& t) {
    if (t) inputs.push_back(t);
    return *this;
  }
  // Wholly overwritten, whatever it held; fails with the op. Allocated when the op runs.
  Op& writes(const Tensor& t) { return output(t, Role::kWrites); }
  // Read and written (gradients that are added to); fails with the op.
  Op& adds(const Tensor& t) { return output(t, Role::kAdds); }
  // Changed in place; left as it was, and not failed, when the op cannot run (parameters, optimizer
  // state). A failed target keeps the op from running too.
  Op& updates(const Tensor& t) { return output(t, Role::kUpdates); }
  // Wholly overwritten in place; left as it was, and not failed, when the op cannot run (copies
  // into a tensor that was there before).
  Op& replaces(const Tensor& t) { return output(t, Role::kReplaces); }
  // A gradient sink: adds or writes.
  Op& sink(const Tensor& t, bool add) { return output(t, add ? Role::kAdds : Role::kWrites); }

  enum class Role : uint8_t { kWrites, kAdds, kUpdates, kReplaces };
  struct Output {
    Tensor tensor;
    Role role;
    // Whether the op needs what is there.
    bool is_read() const { return role == Role::kAdds || role == Role::kUpdates; }
    bool fails() const { return role == Role::kWrites || role == Role::kAdds; }
  };
  const char* name;  // a string literal, used in messages "[name] ..."
  Device device;
  bool uploads = false;  // fills its outputs from the host's memory
  std::vector<Tensor> inputs;
  std::vector<Output> outputs;

 private:
  Op& output(const Tensor& t, Role role) {
    if (t) outputs.push_back({t, role});
    return *this;
  }
};

// What a kernel closure sees on the engine thread.
class OpRun {
 public:
  // The backend that Queue::backend named when the op was submitted.
  virtual const RnBackend& backend() const = 0;
  virtual RnContext* context() = 0;
  // Start of the tensor's range; NULL for a null tensor.
  virtual void* data(const Tensor& t) = 0;
  RnGrad grad(const Tensor& t, bool add);  // skip for a null tensor
  // Fills the tensor's range with as many bytes of the host's memory. Answers an RnStatus.
  virtual int32_t upload(const Tensor& t, const void* from) = 0;

 protected:
  ~OpRun() = default;
};

// A gradient sink as it came from JavaScript.
struct Sink {
  Tensor tensor;  // null: skip
  bool add = false;
};

// One FIFO of one JavaScript environment (one per device; created by the addon).
class Queue {
 public:
  virtual ~Queue() = default;
  // Called on the environment's thread. Captures versions, enqueues, returns at once; blocks while
  // the queue is over its bound of ops or staged bytes.
  virtual void submit(Op op, Kernel kernel) = 0;
  // The RnWeight of a parameter for use inside the kernel submitted next (captures id and version
  // now; `data` is left null for the kernel to fill from OpRun::data). All null for a null tensor.
  virtual RnWeight weight(const Tensor& t) = 0;
  // The backend that ops submitted now will run on, for sizes that it names (reserve buffers).
  virtual const RnBackend& backend() const = 0;
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_OP_H_

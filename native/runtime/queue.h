// One environment's FIFO for one device: what Queue promises to ops, and what else the addon needs.
#ifndef RNNATIVE_RUNTIME_QUEUE_H_
#define RNNATIVE_RUNTIME_QUEUE_H_

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/runtime/engine.h"
#include "native/runtime/failure.h"
#include "native/runtime/op.h"
#include "native/runtime/program.h"

namespace rnnative {

struct ProfileRow {
  int64_t calls = 0;
  double milliseconds = 0;
};
using Profile = std::map<std::string, ProfileRow>;  // by op name

// Called on the engine thread; null: no failure. Not called at all if the queue is closed first.
using Done = std::function<void(const FailurePtr&)>;

// A parameter whose packed forms the next kernel may ask for.
struct WeightUse {
  uint64_t id;
  std::shared_ptr<Storage> storage;
};

class EngineQueue final : public Queue, public std::enable_shared_from_this<EngineQueue> {
 public:
  EngineQueue(Device device, const RnBackend& backend);
  ~EngineQueue();

  // ---- on the environment's thread ----

  void submit(Op op, Kernel kernel) override { submit(std::move(op), std::move(kernel), 0); }
  void submit(Op op, Kernel kernel, size_t staged_bytes);
  // From now on ops are held back; end_recording gives the program of them. Throws ERR_BUSY when
  // there is a recording, ERR_UNSUPPORTED unless the device is CUDA.
  void begin_recording();
  // See Program.
  std::shared_ptr<Program> end_recording(const std::vector<Tensor>& outputs, int64_t token_step);
  // Forgets what was recorded, if anything: its outputs stay unwritten.
  void cancel_recording();
  void run(std::shared_ptr<Program> program, ProgramRun run);
  RnWeight weight(const Tensor& t) override;
  const RnBackend& backend() const override { return *backend_; }
  Device device() const { return device_; }
  // For ops submitted from now on.
  void set_backend(const RnBackend& backend) { backend_ = &backend; }

  // Copies the tensor's bytes to `destination` when its turn comes. Null: there was no memory for
  // one, which is the failure unless the tensor has its own.
  void read(const Tensor& tensor, void* destination, Done done);
  // Runs `action` on the engine thread in queue order.
  void control(std::function<void(EngineQueue&)> action);
  void drain() { engine_.drain(*this); }
  void close() { engine_.close(*this); }
  Backlog::Load load() const { return engine_.load(*this); }

  // ---- on the engine thread ----

  void note_failure(const FailurePtr& failure);
  // Adds what has begun at `start` to the profile, and ended now or at `end`.
  void note_time(const char* op, std::chrono::steady_clock::time_point start,
                 std::chrono::steady_clock::time_point end = std::chrono::steady_clock::now());
  // Waits for the device. The first failure that no read has seen; forgets all.
  FailurePtr finish();
  bool profiling = false;
  const char* last_op = nullptr;  // that ran
  Profile profile;

  Backlog backlog;  // guarded by the engine

 private:
  const Device device_;
  Engine& engine_;
  const RnBackend* backend_;
  std::vector<WeightUse> weights_;  // for the next submit
  struct Recording;
  std::unique_ptr<Recording> recording_;
  std::vector<FailurePtr> unread_;
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_QUEUE_H_

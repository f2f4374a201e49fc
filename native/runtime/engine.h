// The one thread that computes, with the team that works for it. It serves the queues of all
// JavaScript environments in turn, one task each, so that one environment's long training op does
// not hold up another's inference.
#ifndef RNNATIVE_RUNTIME_ENGINE_H_
#define RNNATIVE_RUNTIME_ENGINE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "native/runtime/tensor.h"

namespace rnnative {

class EngineQueue;

// A unit of work in a queue. Destroyed without running when its queue is closed.
class Task {
 public:
  explicit Task(size_t staged_bytes = 0) : staged_bytes(staged_bytes) {}
  virtual ~Task() = default;
  virtual void run(EngineQueue& queue) = 0;
  // Writes memory that JavaScript owns, so closing the queue must wait for it.
  virtual bool writes_javascript_memory() const { return false; }
  // Tells JavaScript that everything before it is done, so it must not count as unfinished then.
  virtual bool announces() const { return false; }

  const size_t staged_bytes;  // input copies held until the task has run
};

// The part of a queue that the engine schedules by; guarded by the engine's mutex.
struct Backlog {
  struct Load {
    size_t unfinished;  // tasks waiting or running
    size_t staged_bytes;
  };
  std::deque<std::unique_ptr<Task>> tasks;
  size_t unfinished = 0;  // waiting or running
  size_t staged_bytes = 0;
  bool running_writes_javascript_memory = false;
  bool closed = false;
  int waiting = 0;  // threads blocked in push, drain or close
  std::condition_variable changed;
};

class Engine {
 public:
  // The CUDA device has one of its own, which submits; the others share one, which computes.
  // Leaked: work may be in flight while the process exits. The thread starts with the first task.
  static Engine& of(Device device);

  // Blocks while the backlog is over its bound. Drops the task when the queue is closed.
  void push(const std::shared_ptr<EngineQueue>& queue, std::unique_ptr<Task> task);
  // Blocks until all tasks pushed so far have run.
  void drain(EngineQueue& queue);
  // Says that a task is about to be pushed: a thread that sleeps wakes meanwhile.
  void rouse();
  // Drops the tasks that wait, and returns when none that writes JavaScript's memory runs.
  void close(EngineQueue& queue);

  Backlog::Load load(const EngineQueue& queue) const;

  // Size of the team. Set on the engine's thread only; 0 restores the default.
  int threads() const { return threads_; }
  void set_threads(int threads);

 private:
  explicit Engine(const char* name) : name_(name) {}
  void start();
  [[noreturn]] void serve();
  // The next queue in turn; waits, spinning briefly first.
  std::shared_ptr<EngineQueue> next(std::unique_lock<std::mutex>& lock);
  void spin(std::chrono::microseconds time) const;

  const char* const name_;  // of the thread
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<EngineQueue>> ready_;  // queues with waiting tasks, in turn
  std::atomic<int> ready_count_{0};
  std::atomic<bool> asleep_{false};
  bool roused_ = false;
  bool started_ = false;
  int threads_ = 1;
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_ENGINE_H_

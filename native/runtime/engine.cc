#include "native/runtime/engine.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "native/abi/floor.h"
#include "native/runtime/machine.h"
#include "native/runtime/pause.h"
#include "native/runtime/queue.h"

namespace rnnative {
namespace {

// Bounds of one queue. A blocked submitter goes on when there is room for some, so that it does not
// trade a wake-up for every op; not for many, since a thread that is being terminated cannot end
// before it goes on.
constexpr size_t kMaxTasks = 1024, kRoomyTasks = 960;
constexpr size_t kMaxStagedBytes = size_t{256} << 20;
// A sleeping thread takes some 50 µs to wake; the gap between two ops of a step is less than this.
constexpr auto kSpin = std::chrono::microseconds(20);
// Reading a call's arguments takes less than this, even with none of it in a cache.
constexpr auto kRoused = std::chrono::microseconds(200);

bool full(const Backlog& backlog) {
  return backlog.unfinished >= kMaxTasks || backlog.staged_bytes >= kMaxStagedBytes;
}

bool roomy(const Backlog& backlog) {
  return backlog.unfinished <= kRoomyTasks && backlog.staged_bytes <= kMaxStagedBytes / 2;
}

}  // namespace

Engine& Engine::of(Device device) {
  static Engine* const host = new Engine("rnnative");
  static Engine* const cuda = new Engine("rnnative-cuda");
  return device == Device::kCuda ? *cuda : *host;
}

void Engine::start() {
  // Signals are for Node's own threads; the team inherits this mask.
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  try {
    std::thread([this] { serve(); }).detach();
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  started_ = true;
}

void Engine::push(const std::shared_ptr<EngineQueue>& queue, std::unique_ptr<Task> task) {
  Backlog& backlog = queue->backlog;
  std::unique_lock lock(mutex_);
  if (!started_) start();
  if (full(backlog)) {
    ++backlog.waiting;
    backlog.changed.wait(lock, [&] { return backlog.closed || roomy(backlog); });
    --backlog.waiting;
  }
  if (backlog.closed) {
    lock.unlock();
    return;  // task's destructor runs here, outside the lock
  }
  ++backlog.unfinished;
  backlog.staged_bytes += task->staged_bytes;
  backlog.tasks.push_back(std::move(task));
  if (backlog.tasks.size() > 1) return;  // in turn already
  ready_.push_back(queue);
  ready_count_.store(static_cast<int>(ready_.size()), std::memory_order_release);
  const bool notify = asleep_;
  lock.unlock();
  if (notify) wake_.notify_one();
}

void Engine::rouse() {
  if (!asleep_.load(std::memory_order_relaxed)) return;
  {
    const std::lock_guard lock(mutex_);
    roused_ = true;
  }
  wake_.notify_one();
}

void Engine::drain(EngineQueue& queue) {
  Backlog& backlog = queue.backlog;
  std::unique_lock lock(mutex_);
  ++backlog.waiting;
  backlog.changed.wait(lock, [&] { return backlog.closed || backlog.unfinished == 0; });
  --backlog.waiting;
}

void Engine::close(EngineQueue& queue) {
  Backlog& backlog = queue.backlog;
  std::deque<std::unique_ptr<Task>> dropped;
  {
    std::unique_lock lock(mutex_);
    backlog.closed = true;
    dropped.swap(backlog.tasks);
    std::erase_if(ready_, [&](const auto& other) { return other.get() == &queue; });
    ready_count_.store(static_cast<int>(ready_.size()), std::memory_order_release);
    ++backlog.waiting;
    backlog.changed.wait(lock, [&] { return !backlog.running_writes_javascript_memory; });
    --backlog.waiting;
  }
}

Backlog::Load Engine::load(const EngineQueue& queue) const {
  std::lock_guard lock(mutex_);
  return {queue.backlog.unfinished, queue.backlog.staged_bytes};
}

void Engine::set_threads(int threads) {
  threads_ = threads > 0 ? threads : default_threads();
}

void Engine::spin(std::chrono::microseconds time) const {
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready_count_.load(std::memory_order_acquire) > 0) return;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
}

std::shared_ptr<EngineQueue> Engine::next(std::unique_lock<std::mutex>& lock) {
  auto patience = kSpin;
  for (;;) {
    if (ready_.empty() && affinity_cpus() > 1) {
      lock.unlock();
      spin(patience);
      lock.lock();
    }
    if (!ready_.empty()) break;
    roused_ = false;
    asleep_ = true;
    wake_.wait(lock, [&] { return roused_ || !ready_.empty(); });
    asleep_ = false;
    patience = kRoused;
  }
  std::shared_ptr<EngineQueue> queue = std::move(ready_.front());
  ready_.pop_front();
  return queue;
}

void Engine::serve() {
#ifdef __linux__
  pthread_setname_np(pthread_self(), name_);
#endif
  set_threads(0);

  std::unique_lock lock(mutex_);
  for (;;) {
    const std::shared_ptr<EngineQueue> queue = next(lock);
    Backlog& backlog = queue->backlog;
    std::unique_ptr<Task> task = std::move(backlog.tasks.front());
    backlog.tasks.pop_front();
    if (!backlog.tasks.empty()) ready_.push_back(queue);
    ready_count_.store(static_cast<int>(ready_.size()), std::memory_order_release);
    backlog.running_writes_javascript_memory = task->writes_javascript_memory();
    const bool announces = task->announces();
    if (announces) --backlog.unfinished;
    lock.unlock();

    const size_t staged_bytes = task->staged_bytes;
    try {
      task->run(*queue);
    } catch (...) {
      // Ops and reads report their own failures; only memory for such a report can be missing.
    }
    task.reset();  // lets go of its tensors before anyone hears that it is done

    lock.lock();
    backlog.running_writes_javascript_memory = false;
    if (!announces) --backlog.unfinished;
    backlog.staged_bytes -= staged_bytes;
    if (backlog.waiting > 0 && (backlog.closed || roomy(backlog))) backlog.changed.notify_all();
  }
}

}  // namespace rnnative

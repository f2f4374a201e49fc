// The group of ranks that mpirun started. Built where it runs, against the MPI found there, since
// MPI has no binary interface to build for elsewhere: `npx rnnative build mpi`.
//
// One thread makes every call of MPI, so that any thread level serves and nothing that waits for
// another host holds JavaScript up. Collectives are started without waiting and asked for: sums and
// the rest have a communicator each, so that neither waits for the other. Between times ranks tell
// each other that they are alive: rank 0 all others, and all others rank 0.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "native/comm/comm.h"
#include "native/comm/mpi_channel.h"

namespace {

using rnnative::Channel;
using rnnative::Task;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr auto kIdle = std::chrono::milliseconds(100);
// So long a rank that fails waits for the others to end as well, before it ends them.
constexpr double kGrace = 2;
// So long an abort may take that no longer reaches the others.
constexpr unsigned kLast = 10;

// Another rank that tells that it is alive.
struct Peer {
  int rank;
  Clock::time_point heard;
  bool leaving = false;
  int told = 0, says = 0;  // 1: leaving
  MPI_Request send = MPI_REQUEST_NULL, receive = MPI_REQUEST_NULL;
};

class World {
 public:
  // Waits until the group is there. Null: see `error`.
  const RnComm* open(double timeout, char* error) {
    timeout_ = timeout;
    thread_ = std::thread([this] { serve(); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_; });
    if (!problem_.empty()) std::snprintf(error, 512, "%s", problem_.c_str());
    return problem_.empty() ? &table_ : nullptr;
  }

  void push(int channel, const Task& task) {
    const std::lock_guard lock(mutex_);
    given_.push_back({channel, task});
    changed_.notify_all();
  }

  [[noreturn]] void fail(const std::string& message, int status = 1) {
    std::fprintf(stderr, "rnnative: %s\n", message.c_str());
    std::fflush(stderr);
    std::thread([status] {
      sleep(kLast);
      _exit(status);
    }).detach();
    end_starter();
    MPI_Abort(MPI_COMM_WORLD, status);
    _exit(status);
  }

  // mpirun ends this process when it is told of the abort, but itself only when it has heard of the
  // other hosts, which never happens where the network is cut off: a process of its own sees to it.
  static void end_starter() {
    const pid_t starter = getppid();
    const auto is_one = [starter](char(&name)[64]) {
      std::snprintf(name, sizeof name, "/proc/%d/comm", static_cast<int>(starter));
      const int file = ::open(name, O_RDONLY);
      const ssize_t size = file < 0 ? 0 : read(file, name, sizeof name - 1);
      if (file >= 0) ::close(file);
      name[size > 0 ? size : 0] = '\0';
      for (const char* known :
           {"mpirun", "mpiexec", "orterun", "orted", "prterun", "prted", "hydra"})
        if (std::strncmp(name, known, std::strlen(known)) == 0) return true;
      return false;
    };
    char name[64];
    if (!is_one(name) || fork() != 0) return;
    setsid();
    for (int file = 0; file < 1024; ++file) ::close(file);
    sleep(kLast);
    for (const int signal : {SIGTERM, SIGTERM, SIGKILL}) {
      if (is_one(name)) kill(starter, signal);
      sleep(2);
    }
    _exit(0);
  }

  void ask_abort(const char* message) {
    {
      const std::lock_guard lock(mutex_);
      abort_ = me() + ": " + message;
      changed_.notify_all();
    }
    sleep(kLast);
    _exit(1);
  }

  void close(int status) {
    {
      const std::lock_guard lock(mutex_);
      status_ = status;
      leaving_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::string name_of(int rank) const {
    return "rank " + std::to_string(rank) + " of " + std::to_string(table_.size) + " on " +
           std::string(hosts_.data() + static_cast<size_t>(rank) * MPI_MAX_PROCESSOR_NAME);
  }
  std::string me() const { return name_of(table_.rank); }

  void begin() {
    int given = 0, provided = 0, length = 0;
    MPI_Initialized(&given);
    if (given)
      MPI_Query_thread(&provided);
    else
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    int main = 0;
    MPI_Is_thread_main(&main);
    if (!main && provided < MPI_THREAD_SERIALIZED) problem_ = "MPI was begun by another thread";
    table_ = {RN_COMM_ABI, sizeof(RnComm), 0,       1,     "",    sum,
              gather,      broadcast,      barrier, hurry, abort, close};
    MPI_Comm_rank(MPI_COMM_WORLD, &table_.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &table_.size);
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    MPI_Get_library_version(version, &length);
    const char* level = provided == MPI_THREAD_MULTIPLE     ? "multiple"
                        : provided == MPI_THREAD_SERIALIZED ? "serialized"
                        : provided == MPI_THREAD_FUNNELED   ? "funneled"
                                                            : "single";
    std::snprintf(table_.name, sizeof table_.name, "%.180s, thread level %s",
                  first_words(version).c_str(), level);
    for (Channel& channel : channels_) channel.open();
    MPI_Comm_dup(MPI_COMM_WORLD, &pulses_);
    hosts_.assign(static_cast<size_t>(table_.size) * MPI_MAX_PROCESSOR_NAME, '\0');
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    MPI_Get_processor_name(host, &length);
    MPI_Allgather(host, sizeof host, MPI_CHAR, hosts_.data(), sizeof host, MPI_CHAR,
                  MPI_COMM_WORLD);
    for (int rank = 0; rank < table_.size; ++rank)
      if (rank != table_.rank && (rank == 0 || table_.rank == 0))
        peers_.push_back({rank, Clock::now()});
    for (Peer& peer : peers_)
      MPI_Irecv(&peer.says, 1, MPI_INT, peer.rank, 0, pulses_, &peer.receive);
  }

  // "Open MPI v4.1.4, package: Debian ..." and "MPICH Version:      4.0.2\nMPICH Release ...".
  static std::string first_words(const char* version) {
    std::string text(version, std::strcspn(version, ",\n"));
    const size_t named = text.find(" Version:");
    if (named == std::string::npos) return text;
    const size_t number = text.find_first_not_of(" \t", named + 9);
    return text.substr(0, named) + " " + (number == std::string::npos ? "" : text.substr(number));
  }

  void serve() {
    begin();
    {
      const std::lock_guard lock(mutex_);
      ready_ = true;
      changed_.notify_all();
    }
    seen_ = Clock::now();
    auto active = seen_;
    while (!over()) {
      take();
      bool moved = false, busy = false;
      for (Channel& channel : channels_) {
        moved |= channel.step();
        busy |= channel.busy();
      }
      const auto now = Clock::now();
      if (moved || !busy) active = now;
      watch(now, busy, now - active);
      if (busy)
        rest(now - active);
      else
        wait();
    }
    MPI_Finalize();
  }

  // Tasks that were given since.
  void take() {
    const std::lock_guard lock(mutex_);
    for (const auto& [channel, task] : given_) channels_[channel].push(task);
    given_.clear();
    if (!abort_.empty()) fail(abort_);
  }

  // While others compute: quick to see what comes soon if somebody waits, and else no burden to
  // what this process computes.
  void rest(Clock::duration waited) const {
    const bool soon = waited < std::chrono::milliseconds(20);
    if (hurried_ > 0 && waited < std::chrono::microseconds(200))
      sched_yield();
    else
      usleep(soon ? (hurried_ > 0 ? 20 : 60) : 200);
  }

  void wait() {
    if (leaving_) {
      usleep(1000);
      return;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kIdle,
                      [this] { return !given_.empty() || leaving_ || !abort_.empty(); });
  }

  // Tells the peers that this rank is alive and hears whether they are.
  void watch(Clock::time_point now, bool waits, Clock::duration waited) {
    // What was stopped itself has heard of nobody.
    if (Seconds(now - seen_).count() > timeout_ / 3)
      for (Peer& peer : peers_) peer.heard = now;
    seen_ = now;
    const bool due = Seconds(now - told_).count() > timeout_ / 30 || leaving_ != told_leaving_;
    if (due) {
      if (leaving_ && !told_leaving_) left_ = now;
      told_ = now;
      told_leaving_ = leaving_;
    }
    for (Peer& peer : peers_) {
      int done = 0;
      MPI_Test(&peer.receive, &done, MPI_STATUS_IGNORE);
      if (done) {
        peer.heard = now;
        peer.leaving = peer.says != 0;
        if (!peer.leaving) MPI_Irecv(&peer.says, 1, MPI_INT, peer.rank, 0, pulses_, &peer.receive);
      }
      if (due && peer.told == 0) {
        MPI_Test(&peer.send, &done, MPI_STATUS_IGNORE);
        if (done) {
          peer.told = told_leaving_ ? 1 : 0;
          MPI_Isend(&peer.told, 1, MPI_INT, peer.rank, 0, pulses_, &peer.send);
        } else {
          told_leaving_ = false;  // once more
        }
      }
      if (peer.leaving && waits && Seconds(waited).count() > kGrace)
        fail(name_of(peer.rank) + " has left while " + me() + " waits for it");
      if (!peer.leaving && Seconds(now - peer.heard).count() > timeout_) {
        char text[64];
        std::snprintf(text, sizeof text, " has not been heard of for %g s", timeout_);
        fail(name_of(peer.rank) + text + "; all end");
      }
    }
  }

  // Whether this rank has left and its peers have, too.
  bool over() {
    if (!leaving_) return false;
    bool all = true;
    for (Peer& peer : peers_) {
      int done = 0;
      MPI_Test(&peer.send, &done, MPI_STATUS_IGNORE);
      all = all && done && peer.told != 0 && peer.leaving;
    }
    if (!all && status_ != 0 && told_leaving_ && Seconds(Clock::now() - left_).count() > kGrace)
      fail(me() + " ends with status " + std::to_string(status_), status_);
    return all;
  }

  static void sum(const RnComm*, void* data, int64_t count, int32_t type, const void* divisor,
                  RnCommDone done, void* argument);
  static void gather(const RnComm*, const void* data, int64_t bytes, RnCommDone done,
                     void* argument);
  static void broadcast(const RnComm*, int32_t root, const void* data, int64_t bytes,
                        RnCommDone done, void* argument);
  static void barrier(const RnComm*, RnCommDone done, void* argument);
  static void hurry(const RnComm*, int32_t change);
  static void abort(const RnComm*, const char* message);
  static void close(const RnComm*, int32_t status);

  struct Given {
    int channel;
    Task task;
  };
  std::mutex mutex_;  // guards what other threads give
  std::condition_variable changed_;
  std::deque<Given> given_;
  std::string abort_;
  bool ready_ = false;
  std::atomic<bool> leaving_{false};
  std::atomic<int> hurried_{0};
  std::atomic<int> status_{0};

  RnComm table_ = {};
  std::string problem_;
  std::thread thread_;
  double timeout_ = 30;
  Channel channels_[2];
  MPI_Comm pulses_ = MPI_COMM_NULL;
  std::vector<Peer> peers_;
  std::vector<char> hosts_;
  Clock::time_point seen_, told_, left_;
  bool told_leaving_ = false;
};

// Leaked: its thread may still serve while the process ends.
World& world() {
  static World* const world = new World;
  return *world;
}

constexpr int kSums = 0, kOthers = 1;

void World::sum(const RnComm*, void* data, int64_t count, int32_t type, const void* divisor,
                RnCommDone done, void* argument) {
  world().push(kSums, {Task::kSum, data, count, type, divisor, done, argument});
}
void World::gather(const RnComm*, const void* data, int64_t bytes, RnCommDone done,
                   void* argument) {
  world().push(kOthers, {Task::kGather, data, bytes, 0, nullptr, done, argument});
}
void World::broadcast(const RnComm*, int32_t root, const void* data, int64_t bytes, RnCommDone done,
                      void* argument) {
  world().push(kOthers, {Task::kBroadcast, data, bytes, root, nullptr, done, argument});
}
void World::barrier(const RnComm*, RnCommDone done, void* argument) {
  world().push(kOthers, {Task::kBarrier, nullptr, 0, 0, nullptr, done, argument});
}
void World::hurry(const RnComm*, int32_t change) {
  world().hurried_ += change;
}
void World::abort(const RnComm*, const char* message) {
  world().ask_abort(message);
}
void World::close(const RnComm*, int32_t status) {
  world().close(status);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const RnComm* rnnative_comm_open(
    uint32_t abi, double timeout, char error[512]) {
  if (abi != RN_COMM_ABI) {
    std::snprintf(error, 512, "the MPI library was built from other sources than the addon");
    return nullptr;
  }
  return world().open(timeout, error);
}

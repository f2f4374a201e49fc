// The group of ranks that mpirun started. Built where it runs, against the MPI found there, since
// MPI has no binary interface to build for elsewhere: `npx rnnative build mpi`.
//
// One thread makes every call of MPI, so that any thread level serves and nothing that waits for
// another host holds JavaScript up. Collectives are started without waiting and asked for: sums and
// the rest have a communicator each, so that neither waits for the other. Between times ranks tell
// each other that they are alive: rank 0 all others, and all others rank 0.
// The C interface alone.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "native/comm/comm.h"

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// What is summed or sent at a time: MPI counts in int, and a piece is converted while the last one
// travels.
constexpr int64_t kPiece = int64_t{1} << 24;
constexpr auto kIdle = std::chrono::milliseconds(100);
// So long a rank that fails waits for the others to end as well, before it ends them.
constexpr double kGrace = 2;
// So long an abort may take that no longer reaches the others.
constexpr unsigned kLast = 10;

uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);  // stays NaN
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

float from_bf16(uint16_t x) {
  const uint32_t bits = (uint32_t)x << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

void add_bf16(void* from, void* to, int* count, MPI_Datatype*) {
  const auto* x = static_cast<const uint16_t*>(from);
  auto* y = static_cast<uint16_t*>(to);
  for (int i = 0; i < *count; ++i) y[i] = to_bf16(from_bf16(x[i]) + from_bf16(y[i]));
}

struct Task {
  enum Kind { kSum, kGather, kBroadcast, kBarrier } kind;
  const void* data;
  int64_t count;  // of elements or bytes
  int32_t type;   // of a sum; of a broadcast the root
  RnCommDone done;
  void* argument;
};

// Collectives in their order, one at a time.
class Channel {
 public:
  void open(MPI_Op bf16) {
    MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
    bf16_ = bf16;
  }
  void push(const Task& task) { tasks_.push_back(task); }
  bool busy() const { return !tasks_.empty(); }

  // Goes on with what there is to do. True: something came about.
  bool step() {
    if (tasks_.empty()) return false;
    if (!running_) begin();
    int done = 0;
    MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
    if (!done) return false;
    if (next()) return true;
    running_ = false;
    const Task task = tasks_.front();
    tasks_.pop_front();
    task.done(task.argument, nullptr, bytes_.data(), lengths_.data());
    bytes_ = {};
    return true;
  }

 private:
  void begin() {
    running_ = true;
    at_ = 0;
    const Task& task = tasks_.front();
    lengths_.assign(task.kind == Task::kGather ? static_cast<size_t>(size_) : 1, task.count);
    switch (task.kind) {
      case Task::kSum:
        return sum_piece();
      case Task::kGather:
        MPI_Iallgather(MPI_IN_PLACE, 0, MPI_INT64_T, lengths_.data(), 1, MPI_INT64_T, comm_,
                       &request_);
        return;
      case Task::kBroadcast:
        MPI_Ibcast(lengths_.data(), 1, MPI_INT64_T, task.type, comm_, &request_);
        return;
      case Task::kBarrier:
        MPI_Ibarrier(comm_, &request_);
    }
  }

  // Begins what follows on what has just come about; false: nothing does.
  bool next() {
    const Task& task = tasks_.front();
    if (task.kind == Task::kSum) {
      take_piece();
      at_ += piece_;
      if (at_ >= task.count) return false;
      sum_piece();
      return true;
    }
    if (task.kind == Task::kBarrier) return false;
    if (at_ == 0) {  // lengths have come
      const int64_t total = std::accumulate(lengths_.begin(), lengths_.end(), int64_t{0});
      bytes_.resize(static_cast<size_t>(total));
      const int64_t own = task.kind == Task::kGather ? offset(rank_) : 0;
      if (task.kind == Task::kGather || task.type == rank_)
        std::copy_n(static_cast<const char*>(task.data), task.count, bytes_.data() + own);
    } else {
      at_ += piece_;
    }
    if (task.kind == Task::kBroadcast) return broadcast_piece(task.type);
    return gather_piece();
  }

  int64_t offset(int rank) const {
    return std::accumulate(lengths_.begin(), lengths_.begin() + rank, int64_t{0});
  }

  // `at_` is one beyond what has been sent, as 0 says that nothing was told yet.
  bool broadcast_piece(int root) {
    if (at_ == 0) at_ = 1;
    const int64_t left = lengths_[0] - (at_ - 1);
    piece_ = std::min(left, kPiece);
    if (piece_ == 0) return false;
    MPI_Ibcast(bytes_.data() + at_ - 1, static_cast<int>(piece_), MPI_BYTE, root, comm_, &request_);
    return true;
  }

  // So many bytes of each rank as there still are, at most a piece.
  bool gather_piece() {
    if (at_ == 0) at_ = 1;
    piece_ = kPiece / size_;
    counts_.resize(static_cast<size_t>(size_));
    places_.resize(static_cast<size_t>(size_));
    int64_t place = 0;
    for (int r = 0; r < size_; ++r) {
      const int64_t left = lengths_[static_cast<size_t>(r)] - (at_ - 1);
      counts_[static_cast<size_t>(r)] = static_cast<int>(std::clamp(left, int64_t{0}, piece_));
      places_[static_cast<size_t>(r)] = static_cast<int>(place);
      place += counts_[static_cast<size_t>(r)];
    }
    if (at_ > 1) spread();
    if (place == 0) return false;
    room_.resize(static_cast<size_t>(place));
    const auto own = static_cast<size_t>(rank_);
    std::copy_n(bytes_.data() + offset(rank_) + (at_ - 1), counts_[own],
                room_.data() + places_[own]);
    sent_ = counts_;
    from_ = places_;
    MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_BYTE, room_.data(), counts_.data(), places_.data(),
                    MPI_BYTE, comm_, &request_);
    return true;
  }

  // What the last piece brought goes where it belongs.
  void spread() {
    for (int r = 0; r < size_; ++r) {
      const auto i = static_cast<size_t>(r);
      std::copy_n(room_.data() + from_[i], sent_[i],
                  bytes_.data() + offset(r) + (at_ - 1 - piece_));
    }
  }

  void sum_piece() {
    const Task& task = tasks_.front();
    piece_ = std::min(task.count - at_, kPiece);
    const int count = static_cast<int>(piece_);
    if (task.type == RN_COMM_F32_AS_BF16) {
      const float* from = static_cast<const float*>(task.data) + at_;
      rounded_.resize(static_cast<size_t>(piece_));
      std::transform(from, from + piece_, rounded_.begin(), to_bf16);
      MPI_Iallreduce(MPI_IN_PLACE, rounded_.data(), count, MPI_UINT16_T, bf16_, comm_, &request_);
      return;
    }
    const bool f32 = task.type == RN_COMM_F32;
    char* at = static_cast<char*>(const_cast<void*>(task.data)) + at_ * (f32 ? 4 : 8);
    MPI_Iallreduce(MPI_IN_PLACE, at, count, f32 ? MPI_FLOAT : MPI_DOUBLE, MPI_SUM, comm_,
                   &request_);
  }

  void take_piece() {
    const Task& task = tasks_.front();
    if (task.type != RN_COMM_F32_AS_BF16) return;
    float* to = static_cast<float*>(const_cast<void*>(task.data)) + at_;
    std::transform(rounded_.begin(), rounded_.begin() + piece_, to, from_bf16);
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  MPI_Op bf16_ = MPI_OP_NULL;
  int rank_ = 0, size_ = 1;
  std::deque<Task> tasks_;
  bool running_ = false;
  MPI_Request request_ = MPI_REQUEST_NULL;
  int64_t at_ = 0, piece_ = 0;
  std::vector<int64_t> lengths_;
  std::vector<char> bytes_, room_;
  std::vector<int> counts_, places_, sent_, from_;
  std::vector<uint16_t> rounded_;
};

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
    MPI_Abort(MPI_COMM_WORLD, status);
    _exit(status);
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
    table_ = {RN_COMM_ABI, sizeof(RnComm), 0, 1, "", sum, gather, broadcast, barrier, abort, close};
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
    MPI_Op bf16;
    MPI_Op_create(add_bf16, 1, &bf16);
    for (Channel& channel : channels_) channel.open(bf16);
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

  // While others compute: quick to see what comes soon, and no burden later.
  static void rest(Clock::duration waited) {
    if (waited < std::chrono::microseconds(200))
      sched_yield();
    else
      usleep(waited < std::chrono::milliseconds(20) ? 20 : 200);
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

  static void sum(const RnComm*, void* data, int64_t count, int32_t type, RnCommDone done,
                  void* argument);
  static void gather(const RnComm*, const void* data, int64_t bytes, RnCommDone done,
                     void* argument);
  static void broadcast(const RnComm*, int32_t root, const void* data, int64_t bytes,
                        RnCommDone done, void* argument);
  static void barrier(const RnComm*, RnCommDone done, void* argument);
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

void World::sum(const RnComm*, void* data, int64_t count, int32_t type, RnCommDone done,
                void* argument) {
  world().push(kSums, {Task::kSum, data, count, type, done, argument});
}
void World::gather(const RnComm*, const void* data, int64_t bytes, RnCommDone done,
                   void* argument) {
  world().push(kOthers, {Task::kGather, data, bytes, 0, done, argument});
}
void World::broadcast(const RnComm*, int32_t root, const void* data, int64_t bytes, RnCommDone done,
                      void* argument) {
  world().push(kOthers, {Task::kBroadcast, data, bytes, root, done, argument});
}
void World::barrier(const RnComm*, RnCommDone done, void* argument) {
  world().push(kOthers, {Task::kBarrier, nullptr, 0, 0, done, argument});
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

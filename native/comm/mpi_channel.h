// Collectives over MPI in their order, one at a time, started without waiting and then asked for.
#ifndef RNNATIVE_COMM_MPI_CHANNEL_H_
#define RNNATIVE_COMM_MPI_CHANNEL_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <numeric>
#include <vector>

#include "native/comm/mpi_sum.h"

namespace rnnative {

// What is sent at a time, as MPI counts in int.
inline constexpr int64_t kPiece = int64_t{1} << 24;

// Collectives in their order, one at a time.
class Channel {
 public:
  void open() {
    MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
    summing_.open(comm_);
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
        return summing_.begin(task, &request_);
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
    if (task.kind == Task::kSum) return summing_.next(&request_);
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

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::deque<Task> tasks_;
  bool running_ = false;
  MPI_Request request_ = MPI_REQUEST_NULL;
  int64_t at_ = 0, piece_ = 0;
  std::vector<int64_t> lengths_;
  std::vector<char> bytes_, room_;
  std::vector<int> counts_, places_, sent_, from_;
  Summing summing_;
};

}  // namespace rnnative

#endif  // RNNATIVE_COMM_MPI_CHANNEL_H_

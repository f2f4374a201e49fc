// Collectives over MPI in their order, one at a time, started without waiting and then asked for.
#ifndef RNNATIVE_COMM_MPI_CHANNEL_H_
#define RNNATIVE_COMM_MPI_CHANNEL_H_

// The C interface alone.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <numeric>
#include <vector>

#include "native/comm/comm.h"

namespace rnnative {

// What is summed or sent at a time: MPI counts in int, and a piece is converted while the last one
// travels.
inline constexpr int64_t kPiece = int64_t{1} << 24;

inline uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);  // stays NaN
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

inline float from_bf16(uint16_t x) {
  const uint32_t bits = (uint32_t)x << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

inline void add_bf16(void* from, void* to, int* count, MPI_Datatype*) {
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

}  // namespace rnnative

#endif  // RNNATIVE_COMM_MPI_CHANNEL_H_

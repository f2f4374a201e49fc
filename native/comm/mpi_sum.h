// Sums over ranks by MPI's collectives and additions of our own: each rank is sent its share of
// what all have, adds that up, and sends the sum to all. So every number is added once, in the
// order of ranks, whatever MPI it is and however many numbers are summed at a time, and 2 (n - 1) /
// n of the data leave a rank.
#ifndef RNNATIVE_COMM_MPI_SUM_H_
#define RNNATIVE_COMM_MPI_SUM_H_

// The C interface alone.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "native/comm/comm.h"

namespace rnnative {

struct Task {
  enum Kind { kSum, kGather, kBroadcast, kBarrier } kind;
  const void* data;
  int64_t count;        // of elements or bytes
  int32_t type;         // of a sum; of a broadcast the root
  const void* divisor;  // of a sum, or null
  RnCommDone done;
  void* argument;
};

inline uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  const uint32_t nan = bits >> 16 | 0x40;  // stays NaN
  return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

inline float from_bf16(uint16_t x) {
  const uint32_t bits = (uint32_t)x << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

// Elements in memory, and on their way.
struct AsF32 {
  using Memory = float;
  using Wire = float;
  static MPI_Datatype type() { return MPI_FLOAT; }
  static Memory from(Wire x) { return x; }
};
struct AsF64 {
  using Memory = double;
  using Wire = double;
  static MPI_Datatype type() { return MPI_DOUBLE; }
  static Memory from(Wire x) { return x; }
};
struct AsBf16 {
  using Memory = float;
  using Wire = uint16_t;
  static MPI_Datatype type() { return MPI_UINT16_T; }
  static Memory from(Wire x) { return from_bf16(x); }
};

class Summing {
 public:
  void open(MPI_Comm comm) {
    comm_ = comm;
    MPI_Comm_rank(comm, &rank_);
    MPI_Comm_size(comm, &size_);
    for (std::vector<int>* list : {&shares_, &places_, &own_, &own_places_})
      list->resize(static_cast<size_t>(size_));
  }

  // Starts what `request` is to be asked for.
  void begin(const Task& task, MPI_Request* request) {
    task_ = task;
    at_ = 0;
    piece(request);
  }

  // When that has come about: starts what follows; false: nothing does.
  bool next(MPI_Request* request) {
    switch (task_.type) {
      case RN_COMM_F64:
        return next_of<AsF64>(request);
      case RN_COMM_F32_AS_BF16:
        return next_of<AsBf16>(request);
      default:
        return next_of<AsF32>(request);
    }
  }

 private:
  // What is summed at a time: little enough for a cache, enough for a network.
  static constexpr int64_t kMost = int64_t{1} << 21;
  // Where all ranks together have no more than this, all send all to each other, which is one step.
  static constexpr int64_t kFew = int64_t{1} << 12;
  // Shares begin at multiples of it, a cache line of f32.
  static constexpr int64_t kAligned = 16;
  // Added up at a time, so that a sum stays in the nearest cache.
  static constexpr int64_t kBlock = int64_t{1} << 11;

  enum Stage { kAll, kSpread, kGathered };

  void piece(MPI_Request* request) {
    count_ = std::min(task_.count - at_, kMost);
    switch (task_.type) {
      case RN_COMM_F64:
        return piece_of<AsF64>(request);
      case RN_COMM_F32_AS_BF16:
        return piece_of<AsBf16>(request);
      default:
        return piece_of<AsF32>(request);
    }
  }

  template <class As>
  typename As::Memory* memory() const {
    return static_cast<typename As::Memory*>(const_cast<void*>(task_.data)) + at_;
  }

  // What leaves this rank and where what comes replaces it: the numbers themselves, or what they
  // are rounded to.
  template <class As>
  typename As::Wire* wire() {
    if constexpr (sizeof(typename As::Wire) == sizeof(typename As::Memory)) {
      return memory<As>();
    } else {
      rounded_.resize(static_cast<size_t>(kMost));
      return rounded_.data();
    }
  }

  template <class As>
  typename As::Wire* room(int64_t count) {
    room_.resize(std::max(room_.size(), static_cast<size_t>(count) * sizeof(typename As::Wire)));
    return reinterpret_cast<typename As::Wire*>(room_.data());
  }

  // Where the share of `rank` begins.
  int64_t place(int rank) const {
    return rank == size_ ? count_ : count_ * rank / size_ / kAligned * kAligned;
  }

  template <class As>
  void piece_of(MPI_Request* request) {
    auto* const sent = wire<As>();
    if constexpr (sizeof(typename As::Wire) != sizeof(typename As::Memory))
      std::transform(memory<As>(), memory<As>() + count_, sent, to_bf16);
    const int count = static_cast<int>(count_);
    if (count_ * size_ <= kFew) {
      stage_ = kAll;
      MPI_Iallgather(sent, count, As::type(), room<As>(count_ * size_), count, As::type(), comm_,
                     request);
      return;
    }
    stage_ = kSpread;
    const auto own = static_cast<int>(place(rank_ + 1) - place(rank_));
    int before = 0;
    for (int rank = 0; rank < size_; ++rank) {
      const auto i = static_cast<size_t>(rank);
      const bool other = rank != rank_;
      places_[i] = static_cast<int>(place(rank));
      shares_[i] = other ? static_cast<int>(place(rank + 1)) - places_[i] : 0;
      own_[i] = other ? own : 0;
      own_places_[i] = before;
      before += own_[i];
    }
    MPI_Ialltoallv(sent, shares_.data(), places_.data(), As::type(), room<As>(before), own_.data(),
                   own_places_.data(), As::type(), comm_, request);
  }

  template <class As>
  bool next_of(MPI_Request* request) {
    if (stage_ == kSpread) {
      add_share<As>();
      stage_ = kGathered;
      shares_[static_cast<size_t>(rank_)] =
          static_cast<int>(place(rank_ + 1)) - places_[static_cast<size_t>(rank_)];
      MPI_Iallgatherv(MPI_IN_PLACE, 0, As::type(), wire<As>(), shares_.data(), places_.data(),
                      As::type(), comm_, request);
      return true;
    }
    if (stage_ == kAll)
      add_all<As>();
    else if constexpr (sizeof(typename As::Wire) != sizeof(typename As::Memory))
      std::transform(wire<As>(), wire<As>() + count_, memory<As>(), from_bf16);
    at_ += count_;
    if (at_ >= task_.count) return false;
    piece(request);
    return true;
  }

  template <class As>
  typename As::Memory factor() const {
    using T = typename As::Memory;
    return task_.divisor ? T{1} / *static_cast<const T*>(task_.divisor) : T{1};
  }

  // sum[i] = (of rank 0 + of rank 1 + ...) times the factor.
  template <class As>
  void add_all() {
    using T = typename As::Memory;
    const T by = factor<As>();
    const auto* const all = room<As>(count_ * size_);
    T* const sums = memory<As>();
    for (int64_t i = 0; i < count_; ++i) {
      T sum = As::from(all[i]);
      for (int rank = 1; rank < size_; ++rank) sum += As::from(all[rank * count_ + i]);
      sums[i] = sum * by;
    }
  }

  template <class As>
  void add_share() {
    using T = typename As::Memory;
    const T by = factor<As>();
    const int64_t begin = place(rank_), end = place(rank_ + 1);
    const auto* const others = room<As>(0);
    T* const own = memory<As>() + begin;
    auto* const sent = wire<As>() + begin;
    T block[kBlock];
    for (int64_t at = 0; at < end - begin; at += kBlock) {
      const int64_t n = std::min(kBlock, end - begin - at);
      for (int rank = 0; rank < size_; ++rank) {
        const auto* const other = others + own_places_[static_cast<size_t>(rank)] + at;
        if (rank == rank_)
          add(block, own + at, n, rank == 0, [](T x) { return x; });
        else
          add(block, other, n, rank == 0, [](auto x) { return As::from(x); });
      }
      if constexpr (sizeof(typename As::Wire) != sizeof(T)) {
        for (int64_t i = 0; i < n; ++i) sent[at + i] = to_bf16(block[i] * by);
      } else {
        for (int64_t i = 0; i < n; ++i) own[at + i] = block[i] * by;
      }
    }
  }

  template <class T, class X, class From>
  static void add(T* to, const X* x, int64_t n, bool first, From from) {
    if (first)
      for (int64_t i = 0; i < n; ++i) to[i] = from(x[i]);
    else
      for (int64_t i = 0; i < n; ++i) to[i] += from(x[i]);
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  Task task_ = {};
  int64_t at_ = 0, count_ = 0;
  Stage stage_ = kAll;
  // Of the others, and of this rank by rank: how many, and from where on.
  std::vector<int> shares_, places_, own_, own_places_;
  std::vector<char> room_;
  std::vector<uint16_t> rounded_;
};

}  // namespace rnnative

#endif  // RNNATIVE_COMM_MPI_SUM_H_

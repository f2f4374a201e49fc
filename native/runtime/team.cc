#include "native/runtime/team.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "native/runtime/pause.h"
#include "native/runtime/placement.h"
#include "native/runtime/sleep.h"

namespace rnnative {
namespace {

// Nanoseconds. A wait that lasted kBrief with the waking in it had better been spun through.
constexpr int64_t kLeast = 10'000, kMost = 2'000'000, kBrief = 400'000;

uint32_t load(const uint32_t* word) {
  return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

}  // namespace

using Clock = std::chrono::steady_clock;

bool Patience::spin(const uint32_t* word, uint32_t value) {
  const auto end = Clock::now() + std::chrono::nanoseconds(nanoseconds_);
  do {
    for (int i = 0; i < 32; ++i) {
      if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) return true;
      pause();
    }
  } while (Clock::now() < end);
  return false;
}

void Patience::wait_while(const uint32_t* word, uint32_t value, uint32_t* sleepers) {
  const auto begin = Clock::now();
  if (spin(word, value)) {
    nanoseconds_ = std::min(kMost, nanoseconds_ + nanoseconds_ / 8);
    return;
  }
  __atomic_add_fetch(sleepers, 1, __ATOMIC_SEQ_CST);
  while (load(word) == value) sleep_while(word, value);
  __atomic_sub_fetch(sleepers, 1, __ATOMIC_SEQ_CST);
  const int64_t waited = std::chrono::nanoseconds(Clock::now() - begin).count();
  nanoseconds_ =
      waited < kBrief ? std::max(nanoseconds_, 2 * waited) : std::max(kLeast, nanoseconds_ / 2);
}

Team& Team::instance() {
  static Team* const team = new Team;
  return *team;
}

void Team::run(int32_t threads, Body body, void* argument) {
  if (threads - 1 != asked_) resize(threads - 1);
  const auto n = static_cast<int32_t>(workers_.size()) + 1;
  if (n == 1) {
    body(argument, 0, 1);
    return;
  }
  body_ = body;
  argument_ = argument;
  take_place(0, n);
  send_apart();
  start_turn();
  body(argument, 0, n);
  for (int32_t i = 1; i < n; ++i) {
    if (!claim(i - 1, turn_)) continue;
    body(argument, i, n);
    __atomic_sub_fetch(&working_, 1, __ATOMIC_SEQ_CST);
  }
  for (uint32_t left = load(&working_); left > 0; left = load(&working_))
    patience_.wait_while(&working_, left, &working_sleepers_);
}

void Team::start_turn() {
  __atomic_store_n(&working_, static_cast<uint32_t>(workers_.size()), __ATOMIC_RELAXED);
  __atomic_add_fetch(&turn_, 1, __ATOMIC_SEQ_CST);
  if (load(&turn_sleepers_) > 0) wake_sleepers(&turn_);
}

bool Team::claim(int32_t worker, uint32_t turn) {
  // A thread that comes late, for a turn that is over, finds that it was taken.
  uint32_t before = turn - 1;
  return __atomic_compare_exchange_n(&claims_[static_cast<size_t>(worker)].turn, &before, turn,
                                     false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void Team::resize(int32_t workers) {
  __atomic_store_n(&ending_, true, __ATOMIC_RELEASE);
  if (!workers_.empty()) start_turn();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  __atomic_store_n(&ending_, false, __ATOMIC_RELEASE);
  asked_ = workers;
  claims_.assign(static_cast<size_t>(workers), {turn_});
  roam();
  try {
    for (int32_t i = 0; i < workers; ++i)
      workers_.emplace_back([this, i, turn = turn_] { work(i + 1, turn); });
  } catch (const std::system_error&) {
    // Fewer threads, the same results.
  }
}

void Team::work(int32_t index, uint32_t turn) {
#ifdef __linux__
  pthread_setname_np(pthread_self(), "rnnative team");
#endif
  Patience patience;
  for (;;) {
    patience.wait_while(&turn_, turn, &turn_sleepers_);
    turn = load(&turn_);
    if (__atomic_load_n(&ending_, __ATOMIC_ACQUIRE)) return leave_place();
    if (!claim(index - 1, turn)) continue;
    const auto threads = static_cast<int32_t>(workers_.size()) + 1;
    take_place(index, threads);
    body_(argument_, index, threads);
    __atomic_sub_fetch(&working_, 1, __ATOMIC_SEQ_CST);
    if (load(&working_sleepers_) > 0) wake_sleepers(&working_);
  }
}

}  // namespace rnnative

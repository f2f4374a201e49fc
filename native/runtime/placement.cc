#include "native/runtime/placement.h"

#ifdef __linux__
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#endif

namespace rnnative {

#ifdef __linux__
namespace {

using Clock = std::chrono::steady_clock;

// How long a thread that moved keeps away from the others, and rests before it moves again.
constexpr auto kAway = std::chrono::milliseconds(100), kRest = std::chrono::milliseconds(2);
constexpr int32_t kMostThreads = CPU_SETSIZE;

struct Place {
  int32_t cpu = -1;   // where the thread was last seen
  bool away = false;  // since `moved`
  pid_t id = 0;
  Clock::time_point moved{};
  cpu_set_t allowed;  // before that
};
// `cpu` and `away` are read by all threads, the rest with `moving` held.
Place places[kMostThreads];
std::mutex moving;
int32_t team_size = 0;
thread_local int32_t self = -1;

int32_t seen(int32_t thread) {
  return __atomic_load_n(&places[thread].cpu, __ATOMIC_RELAXED);
}
bool is_away(int32_t thread) {
  return __atomic_load_n(&places[thread].away, __ATOMIC_RELAXED);
}
int32_t look() {
  const int32_t cpu = sched_getcpu();
  __atomic_store_n(&places[self].cpu, cpu, __ATOMIC_RELAXED);
  return cpu;
}
int32_t size() {
  return __atomic_load_n(&team_size, __ATOMIC_RELAXED);
}

void release(Place& place) {
  if (!place.away) return;
  sched_setaffinity(place.id, sizeof(place.allowed), &place.allowed);
  __atomic_store_n(&place.away, false, __ATOMIC_RELAXED);
}

// To processors that none of the others was seen on, if there are any that are allowed.
void move_apart(int32_t thread) {
  const std::lock_guard lock(moving);
  Place& place = places[thread];
  const Clock::time_point now = Clock::now();
  if (place.id == 0 || now - place.moved < kRest) return;
  release(place);
  if (sched_getaffinity(place.id, sizeof(place.allowed), &place.allowed) != 0) return;
  cpu_set_t apart = place.allowed;
  for (int32_t other = 0; other < size(); ++other)
    if (other != thread && seen(other) >= 0) CPU_CLR(seen(other), &apart);
  if (CPU_COUNT(&apart) == 0 || sched_setaffinity(place.id, sizeof(apart), &apart) != 0) return;
  place.moved = now;
  __atomic_store_n(&place.away, true, __ATOMIC_RELAXED);
}

}  // namespace

void take_place(int32_t thread, int32_t threads) {
  if (thread >= kMostThreads || threads > kMostThreads) return;
  if (self != thread) {
    const std::lock_guard lock(moving);
    places[thread].id = gettid();
    self = thread;
  }
  if (thread == 0) __atomic_store_n(&team_size, threads, __ATOMIC_RELAXED);
  settle();
  look();
}

void leave_place() {
  if (self < 0) return;
  const std::lock_guard lock(moving);
  Place& place = places[self];
  release(place);
  place.id = 0;
  __atomic_store_n(&place.cpu, -1, __ATOMIC_RELAXED);
  self = -1;
}

void settle() {
  if (self < 0 || !is_away(self)) return;
  const std::lock_guard lock(moving);
  if (Clock::now() - places[self].moved > kAway) release(places[self]);
}

void stay_apart() {
  if (self < 0) return;
  const int32_t cpu = look();
  for (int32_t other = 0; other < size(); ++other) {
    if (other == self || seen(other) != cpu) continue;
    move_apart(self);
    look();
    return;
  }
}

void send_apart() {
  if (self < 0) return;
  for (int32_t other = 0; other < size(); ++other)
    if (other != self && seen(other) == seen(self)) move_apart(other);
}

void roam() {
  if (self < 0) return;
  const std::lock_guard lock(moving);
  release(places[self]);
}
#else
void take_place(int32_t, int32_t) {}
void leave_place() {}
void stay_apart() {}
void send_apart() {}
void settle() {}
void roam() {}
#endif

}  // namespace rnnative

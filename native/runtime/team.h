// The threads that ops run on, beside the engine's own. Between two parallel regions they spin,
// since a sleeping thread takes some 50 µs to wake; but only for as long as that pays. On a machine
// with fewer free cores than threads a spinning thread takes the core from one that computes, so a
// wait that lasted long makes the next ones shorter, and one that ended in time, or soon after,
// makes them longer again. (libgomp always spins some milliseconds: beside one busy process,
// training was four times slower with it.)
#ifndef RNNATIVE_RUNTIME_TEAM_H_
#define RNNATIVE_RUNTIME_TEAM_H_

#include <cstdint>
#include <thread>
#include <vector>

namespace rnnative {

// How long a thread spins before it sleeps.
class Patience {
 public:
  // Returns once *word is not `value`; counts itself in *sleepers while asleep.
  void wait_while(const uint32_t* word, uint32_t value, uint32_t* sleepers);

 private:
  bool spin(const uint32_t* word, uint32_t value);
  int64_t nanoseconds_ = 1'000'000;
};

class Team {
 public:
  using Body = void (*)(void* argument, int32_t thread, int32_t threads);

  // The engine's; used on its thread only. Leaked, as the engine is.
  static Team& instance();

  // body(argument, i, n) for each i in 0..n-1, thread 0 being the caller, n being `threads` or what
  // the system grants. Returns when all have returned. `body` must not throw.
  void run(int32_t threads, Body body, void* argument);

 private:
  Team() = default;
  void resize(int32_t workers);
  void work(int32_t index, uint32_t turn);
  void start_turn();

  std::vector<std::thread> workers_;
  int32_t asked_ = 0;    // workers that were asked for when there are fewer
  Body body_ = nullptr;  // null: workers end
  void* argument_ = nullptr;
  Patience patience_;
  alignas(64) uint32_t turn_ = 0;  // counts parallel regions
  uint32_t turn_sleepers_ = 0;
  alignas(64) uint32_t working_ = 0;  // workers that have not ended the turn
  uint32_t working_sleepers_ = 0;
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_TEAM_H_

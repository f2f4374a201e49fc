// The threads that ops run on, beside the engine's own. Between two parallel regions they spin,
// since a sleeping thread takes some 50 µs to wake; but only for as long as that pays. On a machine
// with fewer free cores than threads a spinning thread takes the core from one that computes, so a
// wait that lasted long makes the next ones shorter, and one that ended in time, or soon after,
// makes them longer again. (libgomp always spins some milliseconds: beside one busy process,
// training was four times slower with it.)
//
// Nor is a region held up by a thread that gets no core in time: who has ended its own part does
// those that nobody has begun. (Of two cores JavaScript has one while it enqueues a step.)
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

  // body(argument, i, n) for each part i in 0..n-1, part 0 on the calling thread, the others on a
  // thread each or, of those that have not begun by then, on the caller's after part 0; n being
  // `threads` or what the system grants. Returns when all have returned. `body` must not throw.
  void run(int32_t threads, Body body, void* argument);

 private:
  Team() = default;
  void resize(int32_t workers);
  void work(int32_t index, uint32_t turn);
  void start_turn();
  // Whether the caller is the first to take a worker's part of a turn.
  bool claim(int32_t worker, uint32_t turn);

  // The last turn whose part somebody took; of every turn somebody does.
  struct alignas(64) Claim {
    uint32_t turn;
  };

  std::vector<std::thread> workers_;
  std::vector<Claim> claims_;  // by worker
  int32_t asked_ = 0;          // workers that were asked for when there are fewer
  bool ending_ = false;        // what the next turn means to workers
  Body body_ = nullptr;        // read by those alone who have claimed a part
  void* argument_ = nullptr;
  Patience patience_;
  alignas(64) uint32_t turn_ = 0;  // counts parallel regions
  uint32_t turn_sleepers_ = 0;
  alignas(64) uint32_t working_ = 0;  // parts of workers that have not ended
  uint32_t working_sleepers_ = 0;
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_TEAM_H_

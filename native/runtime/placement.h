// Keeps the threads of an op on processors of their own. Threads that wake each other at every step
// tend to end up on one processor, each asleep while the other runs: the system never sees two that
// want to run, wakes each where the other is, and leaves them there (on Linux for tens of
// milliseconds after a pause, at a third of the speed). So one that is about to be woken, or was
// woken, where another of the team was last seen has to leave the others' processors alone for a
// while. Nothing outlasts that: what the user or the system allows is not changed.
#ifndef RNNATIVE_RUNTIME_PLACEMENT_H_
#define RNNATIVE_RUNTIME_PLACEMENT_H_

#include <cstdint>

namespace rnnative {

// The calling thread is number `thread` of a team of `threads`; notes where it runs.
void take_place(int32_t thread, int32_t threads);
// The calling thread is about to end: its number and its id may come to be another's.
void leave_place();
// Moves the calling thread away from the team's others. For a thread without a place: nothing.
void stay_apart();
// Moves the team's others away from the calling thread.
void send_apart();
// Ends the calling thread's time away if it is over; cheap, to be called now and then.
void settle();
// Ends it at once: the calling thread may run on all processors again, and so may threads that it
// starts.
void roam();

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_PLACEMENT_H_

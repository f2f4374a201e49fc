// Programs: steps of training recorded as CUDA graphs (RnDevice.begin_program).
//
// A graph holds the arguments of its kernels as they were when it was recorded. What an op derives
// from other things than shapes and addresses has to reach its kernels by the device's memory:
//   - random steps and optimizers' rates and steps, by the live block, sent before each launch;
//   - lengths and ids lie there anyway. Their checks and what the host makes of them are repeated
//     before each launch (before_launch), and kernels work on as many tokens as room_for says, the
//     last of which may be none.
// All this hangs on recording(): outside of it ops do neither more nor less than they need.
#ifndef RNNATIVE_CUDA_CORE_PROGRAM_CUH_
#define RNNATIVE_CUDA_CORE_PROGRAM_CUH_

#include <memory>
#include <new>
#include <utility>

#include "cuda/core/device.cuh"
#include "native/abi/device.h"
#include "native/runtime/philox.h"

namespace rnnative::cuda {

bool recording();

// Made once for each thing that must not happen for the first time in a recording: `work` is called
// before each.
struct BeforeRecording {
  explicit BeforeRecording(void (*work)());
  void (*const work)();
  const BeforeRecording* const next;
};

// How many tokens there is to be room for when there are `n` of at most `most`; `n` itself unless
// recording. Runs with more fail, if they are told by check_room.
int64_t room_for(int64_t n, int64_t most);
int32_t check_room(RnContext* ctx, const char* what, int64_t n, int64_t room);

// What is done before each launch of the program being recorded, with a context that has nothing
// but `host` and `error`. In the order of the ops.
class BeforeLaunch {
 public:
  virtual ~BeforeLaunch() = default;
  virtual int32_t run(RnContext* ctx, const RnProgramRun& run) = 0;
  std::unique_ptr<BeforeLaunch> next;
  const char* name = nullptr;  // of the op, for its errors
};
int32_t add_before_launch(RnContext* ctx, std::unique_ptr<BeforeLaunch> work);

// The same from work(ctx, run).
template <class Work>
int32_t before_launch(RnContext* ctx, Work work) {
  class Kept final : public BeforeLaunch {
   public:
    explicit Kept(Work work) : work_(std::move(work)) {}
    int32_t run(RnContext* ctx, const RnProgramRun& run) override { return work_(ctx, run); }

   private:
    Work work_;
  };
  return add_before_launch(ctx,
                           std::unique_ptr<BeforeLaunch>(new (std::nothrow) Kept(std::move(work))));
}

// While recording: device memory that is the program's alone, from launch to launch. Null after
// telling why.
void* program_memory(RnContext* ctx, size_t bytes);

// While recording: memory of the live block, and where on the host to put what is sent to it.
struct Live {
  void* device;  // null after telling why
  void* host;
};
Live live_memory(RnContext* ctx, size_t bytes);
// The number of the next call of optimizer_step.
int32_t next_update();

// Where a kernel draws from. `passed`: random steps since the recording, on the device, or null.
struct Draws {
  RnRandom random;
  const uint64_t* passed;

  // See rn_random_block.
  __device__ void words(uint64_t sample, uint64_t block, uint32_t (&out)[4]) const {
    RnRandom now = random;
    if (passed != nullptr) now.step += *passed;
    rn_random_block(&now, 0, sample, block, out);
  }
};
Draws draws_of(const RnRandom& random);

int32_t begin_program(int64_t token_step, char* error);
int32_t end_program(RnProgram** program, char* error);
int32_t run_program(RnProgram* program, const RnProgramRun* run, char* error);
void drop_program(RnProgram* program);

}  // namespace rnnative::cuda

#endif  // RNNATIVE_CUDA_CORE_PROGRAM_CUH_

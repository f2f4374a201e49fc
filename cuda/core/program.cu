// A program's graph is captured from the one stream, so it is a chain; what the driver saves is the
// launches. Capturing is relaxed: this thread may allocate meanwhile, and others, which release
// memory, are not disturbed.
#include "cuda/core/program.cuh"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "cuda/core/memory.cuh"

// Memory goes after the graph that uses it.
struct RnProgram {
  struct Memory {
    void* data;
    std::unique_ptr<Memory> next;
    ~Memory() { cudaFree(data); }
  };
  static constexpr size_t kLiveBytes = size_t{64} << 10;

  std::unique_ptr<Memory> memory;
  std::unique_ptr<rnnative::cuda::BeforeLaunch> first;
  rnnative::cuda::BeforeLaunch* last = nullptr;
  char* live = nullptr;  // kLiveBytes on the device, the first 8 of which are the random steps
  alignas(16) char host_live[kLiveBytes] = {};
  size_t live_used = 0;
  int64_t token_step = 1;
  int32_t updates = 0;
  cudaGraphExec_t graph = nullptr;
  cudaEvent_t ran = nullptr;  // by the last launch

  ~RnProgram() {
    if (ran != nullptr) {
      cudaEventSynchronize(ran);
      cudaEventDestroy(ran);
    }
    if (graph != nullptr) cudaGraphExecDestroy(graph);
    // One by one: a chain would be taken down by recursion.
    while (first) first = std::move(first->next);
    while (memory) memory = std::move(memory->next);
  }
};

namespace rnnative::cuda {
namespace {

constexpr size_t kLiveAlignment = 16;

// That is being recorded, by the one thread that runs ops; leaked at exit, when it may be at work.
RnProgram* current = nullptr;

// Null before any of them is made, whatever the order of static objects is.
constinit const BeforeRecording* preparations = nullptr;

// Ends the capture; with `made`, of a graph to launch.
int32_t end_capture(RnContext* ctx, cudaGraphExec_t* made) {
  cudaGraph_t graph = nullptr;
  int32_t status = check(ctx, cudaStreamEndCapture(device().stream, &graph));
  if (status == RN_OK && graph == nullptr)
    status = fail(ctx, RN_ERR_DEVICE, "the recording was interrupted");
  if (status == RN_OK && made != nullptr) status = check(ctx, cudaGraphInstantiate(made, graph, 0));
  if (graph != nullptr) cudaGraphDestroy(graph);
  return status;
}

}  // namespace

BeforeRecording::BeforeRecording(void (*work)()) : work(work), next(preparations) {
  preparations = this;
}

bool recording() {
  return current != nullptr;
}

int64_t room_for(int64_t n, int64_t most) {
  if (!current) return n;
  const int64_t step = current->token_step;
  return std::min(std::max<int64_t>(ceil_div(n, step), 1) * step, most);
}

int32_t check_room(RnContext* ctx, const char* what, int64_t n, int64_t room) {
  if (n <= room) return RN_OK;
  return fail(ctx, RN_ERR_INDEX, "expected at most %lld %s in a run of this program, got %lld",
              static_cast<long long>(room), what, static_cast<long long>(n));
}

int32_t add_before_launch(RnContext* ctx, std::unique_ptr<BeforeLaunch> work) {
  if (!work) return fail(ctx, RN_ERR_OUT_OF_MEMORY, "no memory for a program");
  work->name = ctx->name;
  BeforeLaunch* const added = work.get();
  (current->last != nullptr ? current->last->next : current->first) = std::move(work);
  current->last = added;
  return RN_OK;
}

void* program_memory(RnContext* ctx, size_t bytes) {
  std::unique_ptr<RnProgram::Memory> kept(new (std::nothrow) RnProgram::Memory{nullptr, nullptr});
  if (!kept || cudaMalloc(&kept->data, std::max<size_t>(bytes, 1)) != cudaSuccess) {
    cudaGetLastError();
    std::snprintf(ctx->error, sizeof ctx->error, "no memory for a program");
    return nullptr;
  }
  kept->next = std::move(current->memory);
  current->memory = std::move(kept);
  return current->memory->data;
}

Live live_memory(RnContext* ctx, size_t bytes) {
  const size_t at = current->live_used, size = (bytes + kLiveAlignment - 1) & ~(kLiveAlignment - 1);
  if (size > RnProgram::kLiveBytes - at) {
    std::snprintf(ctx->error, sizeof ctx->error, "more updates than a program holds");
    return {nullptr, nullptr};
  }
  current->live_used += size;
  return {current->live + at, current->host_live + at};
}

int32_t next_update() {
  return current->updates++;
}

Draws draws_of(const RnRandom& random) {
  return {random, current ? reinterpret_cast<const uint64_t*>(current->live) : nullptr};
}

int32_t begin_program(int64_t token_step, char* error) {
  RnContext ctx = {};
  for (auto* first = preparations; first != nullptr; first = first->next) first->work();
  current = new (std::nothrow) RnProgram;
  if (!current) return answer(ctx, fail(&ctx, RN_ERR_OUT_OF_MEMORY, "no memory"), error);
  current->token_step = token_step;
  current->live_used = kLiveAlignment;
  current->live = static_cast<char*>(program_memory(&ctx, RnProgram::kLiveBytes));
  int32_t status = current->live == nullptr ? RN_ERR_OUT_OF_MEMORY : RN_OK;
  if (status == RN_OK)
    status = check(&ctx, cudaEventCreateWithFlags(&current->ran, cudaEventDisableTiming));
  if (status == RN_OK)
    status = check(&ctx, cudaStreamBeginCapture(device().stream, cudaStreamCaptureModeRelaxed));
  if (status != RN_OK) delete std::exchange(current, nullptr);
  return answer(ctx, status, error);
}

int32_t end_program(RnProgram** program, char* error) {
  RnContext ctx = {};
  std::unique_ptr<RnProgram> made(std::exchange(current, nullptr));
  const int32_t status = end_capture(&ctx, program != nullptr ? &made->graph : nullptr);
  if (program == nullptr) return RN_OK;
  *program = status == RN_OK ? made.release() : nullptr;
  return answer(ctx, status, error);
}

int32_t run_program(RnProgram* program, const RnProgramRun* run, char* error) {
  RnContext ctx = {};
  ctx.runtime = run->runtime;
  ctx.host = run->host;
  int32_t status = RN_OK;
  if (run->updates != program->updates)
    status =
        fail(&ctx, RN_ERR_INTERNAL, "expected %d updates, got %d", program->updates, run->updates);
  for (BeforeLaunch* work = program->first.get(); status == RN_OK && work != nullptr;
       work = work->next.get()) {
    ctx.name = work->name;
    status = work->run(&ctx, *run);
    if (status == RN_OK) continue;
    std::snprintf(error, sizeof ctx.error, "[%s] %.200s", work->name, ctx.error);
    return status;
  }
  std::memcpy(program->host_live, &run->random_steps, sizeof run->random_steps);
  if (status == RN_OK)
    status = upload_staged(program->live, program->host_live, program->live_used, ctx.error);
  if (status == RN_OK) status = check(&ctx, cudaGraphLaunch(program->graph, device().stream));
  if (status == RN_OK) status = check(&ctx, cudaEventRecord(program->ran, device().stream));
  return answer(ctx, status, error);
}

void drop_program(RnProgram* program) {
  delete program;
}

}  // namespace rnnative::cuda

// Recording what ops do on the CUDA device, and running it again.
#include "native/runtime/program.h"

#include "native/addon/arguments.h"
#include "native/addon/bindings.h"
#include "native/addon/environment.h"
#include "native/addon/typed_array.h"
#include "native/ops/optimizer.h"

namespace rnnative::addon {
namespace {

constexpr const char* kOp = "program";
constexpr napi_type_tag kProgramTag = {0x3b0e5c86f1a94d72, 0x8c27d94a60b5e3f1};
constexpr int64_t kMostTokenStep = int64_t{1} << 30;

using ProgramPtr = std::shared_ptr<Program>;

EngineQueue& cuda_queue(const Info& info) {
  return Environment::of(info.Env()).queue(Device::kCuda);
}

Napi::Value wrap_program(Napi::Env env, const ProgramPtr& program) {
  auto held = std::make_unique<ProgramPtr>(program);
  const napi_finalize finalize = [](napi_env, void* data, void*) {
    delete static_cast<ProgramPtr*>(data);
  };
  const napi_value object = make_tagged(env, kProgramTag, held.get(), finalize);
  if (!object) throw Error("ERR_INTERNAL", "[program] the environment is shutting down");
  held.release();  // NOLINT(bugprone-unused-return-value): the object's now
  return {env, object};
}

// Null for one that was disposed of.
ProgramPtr* find_program(Napi::Value value) {
  void* data = nullptr;
  if (value.IsEmpty() ||
      find_tagged(value.Env(), value, kProgramTag, &data) == HandleState::kForeign)
    throw Error("ERR_ARGUMENT", "[program] program: expected one that endProgram gave");
  return static_cast<ProgramPtr*>(data);
}

// [lr, step] of each update.
ProgramRun to_run(Napi::Value updates, uint64_t random_steps) {
  const Elements pairs = to_elements(updates, DType::kF64, kOp, "updates");
  std::vector<double> values(static_cast<size_t>(pairs.count));
  copy_elements(pairs, DType::kF64, values.data());
  if (values.size() % 2 != 0)
    throw Error("ERR_ARGUMENT", "[program] updates: expected pairs of lr and step, got " +
                                    std::to_string(values.size()) + " numbers");
  ProgramRun run;
  run.random_steps = random_steps;
  for (size_t i = 0; i < values.size(); i += 2) {
    const double rate = values[i], step = values[i + 1];
    run.rates.push_back(rate);
    run.steps.push_back(step >= 1 && step <= 0x1p53 ? static_cast<int64_t>(step) : 0);
    check_update(rate, run.steps.back());
  }
  return run;
}

Napi::Value begin_program(const Info& info) {
  cuda_queue(info).begin_recording();
  return info.Env().Undefined();
}

Napi::Value cancel_program(const Info& info) {
  cuda_queue(info).cancel_recording();
  return info.Env().Undefined();
}

Napi::Value end_program(const Info& info) {
  const std::vector<Tensor> outputs = to_tensors(info[0], kOp, "outputs");
  const int64_t token_step = integer_arg(info, 1, 1, kMostTokenStep, kOp, "tokenStep");
  ProgramRun run = to_run(info[2], 0);
  EngineQueue& queue = cuda_queue(info);
  const ProgramPtr program = queue.end_recording(outputs, token_step);
  const Napi::Value result = wrap_program(info.Env(), program);
  queue.run(program, std::move(run));
  return result;
}

Napi::Value run_program(const Info& info) {
  const ProgramPtr* program = find_program(info[0]);
  if (!program) throw Error("ERR_DISPOSED", "[program] program: it has been disposed of");
  const int64_t random_steps = integer_arg(info, 1, 0, int64_t{1} << 53, kOp, "randomSteps");
  ProgramRun run = to_run(info[2], static_cast<uint64_t>(random_steps));
  (*program)->advance();
  cuda_queue(info).run(*program, std::move(run));
  return info.Env().Undefined();
}

Napi::Value dispose_program(const Info& info) {
  if (!find_program(info[0])) return info.Env().Undefined();
  void* data = nullptr;
  if (napi_remove_wrap(info.Env(), info[0], &data) == napi_ok)
    delete static_cast<ProgramPtr*>(data);
  return info.Env().Undefined();
}

}  // namespace

void export_program(Napi::Env env, Napi::Object exports) {
  export_function<&begin_program>(env, exports, "beginProgram");
  export_function<&cancel_program>(env, exports, "cancelProgram");
  export_function<&end_program>(env, exports, "endProgram");
  export_function<&run_program>(env, exports, "runProgram");
  export_function<&dispose_program>(env, exports, "disposeProgram");
}

}  // namespace rnnative::addon

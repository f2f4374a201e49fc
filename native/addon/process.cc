// What is about the process or the environment as a whole rather than about a tensor.
#include <atomic>
#include <mutex>

#include "native/addon/arguments.h"
#include "native/addon/bindings.h"
#include "native/addon/environment.h"
#include "native/runtime/allocator.h"
#include "native/runtime/cuda_loader.h"
#include "native/runtime/isa.h"
#include "native/runtime/machine.h"
#include "native/runtime/storage.h"

namespace rnnative::addon {
namespace {

constexpr int64_t kMaxThreads = 1024;
constexpr int64_t kMaxBytes = (int64_t{1} << 53) - 1;

std::atomic<int> asked_threads{0};  // as last set from any environment; 0: the default

double number(size_t value) {
  return static_cast<double>(value);
}

Napi::Value info(const Info& call) {
  const Napi::Env env = call.Env();
  Napi::Object result = Napi::Object::New(env);
  result["isa"] = Napi::String::New(env, Environment::of(env).queue(Device::kCpu).backend().name);
  const auto& names = available_isas();
  Napi::Array isas = Napi::Array::New(env, names.size());
  for (size_t i = 0; i < names.size(); ++i) isas[static_cast<uint32_t>(i)] = names[i];
  result["isas"] = isas;
  const int asked = asked_threads.load();
  result["threads"] = asked > 0 ? asked : default_threads();
  result["affinity"] = affinity_cpus();
  result["quota"] =
      cpu_quota() > 0 ? Napi::Value(Napi::Number::New(env, cpu_quota())) : Napi::Value(env.Null());
  result["memoryLimit"] = number(Allocator::host().limit());
  result["buildId"] = RN_BUILD_ID;
  result["napi"] = NAPI_VERSION;
  result["compiler"] = __VERSION__;
  return result;
}

Napi::Value memory(const Info& call) {
  const Napi::Env env = call.Env();
  const Allocator& allocator = Allocator::host();
  Napi::Object devices = Napi::Object::New(env);
  for (const Device device : {Device::kCpu, Device::kReference, Device::kCuda}) {
    // Asking about a device that nobody uses would start it.
    if (device == Device::kCuda && Storage::count(device) == 0) continue;
    const auto account = static_cast<Account>(device);
    const AccountStats stats = Allocator::of(account).stats(account);
    Napi::Object entry = Napi::Object::New(env);
    entry["tensors"] = static_cast<double>(Storage::count(device));
    entry["bytes"] = number(stats.bytes);
    entry["peakBytes"] = number(stats.peak);
    devices[name_of(device)] = entry;
  }
  size_t staged = 0, pending = 0;
  for (const EngineQueue* queue : Environment::of(env).queues()) {
    const Backlog::Load load = queue->load();
    staged += load.staged_bytes;
    pending += load.unfinished;
  }
  Napi::Object result = Napi::Object::New(env);
  result["devices"] = devices;
  result["limit"] = number(allocator.limit());
  result["staged"] = number(staged);
  result["pendingOps"] = number(pending);
  // Held by the allocator for reuse, and by kernels for as long as they run.
  result["cached"] = number(allocator.cached());
  result["scratch"] = number(allocator.stats(Account::kScratch).bytes);
  const bool programs = Storage::count(Device::kCuda) > 0;
  result["programs"] = number(programs ? Allocator::of(Account::kCudaProgram).held() : 0);
  return result;
}

Napi::Value set_memory_limit(const Info& call) {
  const int64_t bytes = integer_arg(call, 0, 0, kMaxBytes, "set_memory_limit", "bytes");
  Allocator::host().set_limit(static_cast<size_t>(bytes));
  return call.Env().Undefined();
}

Napi::Value set_threads(const Info& call) {
  const auto threads =
      static_cast<int>(integer_arg(call, 0, 0, kMaxThreads, "set_threads", "threads"));
  Environment::of(call.Env()).queue(Device::kCpu).control([threads](EngineQueue&) {
    Engine::of(Device::kCpu).set_threads(threads);
  });
  asked_threads.store(threads);
  return call.Env().Undefined();
}

Napi::Value set_isa(const Info& call) {
  const RnBackend& backend = cpu_backend(to_string(call[0], "set_isa", "isa"), "isa");
  Environment::of(call.Env()).queue(Device::kCpu).set_backend(backend);
  return call.Env().Undefined();
}

// Runs `visit` on the engine in each of the environment's queues, after all they hold, and calls
// back with the first failure once the last has been visited.
void visit_queues(Environment& environment, std::function<FailurePtr(EngineQueue&)> visit,
                  const Done& done) {
  struct Tour {
    std::mutex mutex;  // two engines may visit
    size_t left;
    FailurePtr failure;
  };
  const std::vector<EngineQueue*> queues = environment.queues();
  const auto tour = std::make_shared<Tour>();
  tour->left = queues.size();
  for (EngineQueue* queue : queues) {
    queue->control([tour, visit, done](EngineQueue& self) {
      const std::lock_guard lock(tour->mutex);
      const FailurePtr failure = visit(self);
      if (!tour->failure) tour->failure = failure;
      if (--tour->left == 0) done(tour->failure);
    });
  }
}

Napi::Value synchronize(const Info& call) {
  Environment& environment = Environment::of(call.Env());
  environment.queue(Device::kCpu);  // at least one queue to visit
  return environment.promise(call.Env(), std::make_shared<Request>(), [&](const Done& done) {
    visit_queues(environment, &EngineQueue::finish, done);
  });
}

Napi::Value profile_start(const Info& call) {
  Environment::of(call.Env()).start_profile();
  return call.Env().Undefined();
}

struct Line {
  std::string op;
  const char* device;
  ProfileRow row;
};

// Rows as [{op, device, calls, milliseconds}].
napi_value to_rows(napi_env raw, const std::vector<Line>& lines) {
  const Napi::Env env(raw);
  Napi::Array rows = Napi::Array::New(env, lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    Napi::Object row = Napi::Object::New(env);
    row["op"] = lines[i].op;
    row["device"] = lines[i].device;
    row["calls"] = static_cast<double>(lines[i].row.calls);
    row["milliseconds"] = lines[i].row.milliseconds;
    rows[static_cast<uint32_t>(i)] = row;
  }
  return rows;
}

Napi::Value profile_stop(const Info& call) {
  Environment& environment = Environment::of(call.Env());
  environment.stop_profile();
  environment.queue(Device::kCpu);  // at least one queue to visit
  const auto lines = std::make_shared<std::vector<Line>>();
  const auto request = std::make_shared<Request>();
  request->value = [lines](napi_env env) -> napi_value {
    try {
      return to_rows(env, *lines);
    } catch (const Napi::Error&) {
      return nullptr;  // the environment is going away
    }
  };
  const auto collect = [lines](EngineQueue& queue) -> FailurePtr {
    for (const auto& [op, row] : queue.profile)
      lines->push_back({op, name_of(queue.device()), row});
    queue.profiling = false;
    queue.profile.clear();
    return nullptr;
  };
  return environment.promise(call.Env(), request,
                             [&](const Done& done) { visit_queues(environment, collect, done); });
}

Napi::Value cuda_probe(const Info& call) {
  const Napi::Env env = call.Env();
  const RnCudaProbe& probe = cuda_status().probe;
  Napi::Object result = Napi::Object::New(env);
  result["library"] = cuda_status().library_path;
  result["available"] = Napi::Boolean::New(env, probe.available != 0);
  result["reason"] = probe.reason;
  result["fix"] = probe.fix;
  Napi::Array devices = Napi::Array::New(env);
  if (probe.device_name[0] != '\0') devices[0u] = probe.device_name;
  result["devices"] = devices;
  result["memory"] = static_cast<double>(probe.memory_bytes);
  result["cublas"] = probe.cublas_path;
  result["driver"] = probe.driver_version;
  result["runtime"] = probe.runtime_version;
  return result;
}

}  // namespace

void export_process(Napi::Env env, Napi::Object exports) {
  export_function<&info>(env, exports, "info");
  export_function<&memory>(env, exports, "memory");
  export_function<&set_memory_limit>(env, exports, "setMemoryLimit");
  export_function<&set_threads>(env, exports, "setThreads");
  export_function<&set_isa>(env, exports, "setIsa");
  export_function<&profile_start>(env, exports, "profileStart");
  export_function<&profile_stop>(env, exports, "profileStop");
  export_function<&synchronize>(env, exports, "synchronize");
  export_function<&cuda_probe>(env, exports, "cudaProbe");
}

}  // namespace rnnative::addon

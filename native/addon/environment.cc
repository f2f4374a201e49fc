#include "native/addon/environment.h"

#include "native/abi/backends.h"
#include "native/addon/arguments.h"
#include "native/runtime/cuda_loader.h"
#include "native/runtime/isa.h"

namespace rnnative::addon {
namespace {

const RnBackend& backend_of(Device device) {
  if (device == Device::kCpu) return default_cpu_backend();
  if (device == Device::kReference) return *rn_backend_reference();
  const CudaStatus& status = cuda_status();
  if (status.device == nullptr)
    throw Error("ERR_DEVICE", std::string("[device] cuda is not available: ") +
                                  status.probe.reason + " (fix: " + status.probe.fix + ")");
  return *status.device->backend;
}

void profile(EngineQueue& queue) {
  queue.control([](EngineQueue& self) {
    self.profile.clear();
    self.profiling = true;
  });
}

}  // namespace

void Environment::create(Napi::Env env) {
  auto* environment = new Environment(env);
  env.SetInstanceData<Environment>(environment);
  // Hooks run last in, first out: this one, added after the mailbox's thread-safe function, closes
  // the mailbox before Node takes that function away.
  napi_add_env_cleanup_hook(
      env, [](void* data) { static_cast<Environment*>(data)->close(); }, environment);
}

Environment& Environment::of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  if (data == nullptr) throw Error("ERR_INTERNAL", "[load] the environment is shutting down");
  return *static_cast<Environment*>(data);
}

Environment::Environment(Napi::Env env)
    : mailbox_(std::make_shared<Mailbox>(env, [this](napi_env e) { report_memory(e); })) {}

EngineQueue& Environment::queue(Device device) {
  std::shared_ptr<EngineQueue>& queue = queues_[static_cast<size_t>(device)];
  if (!queue) {
    queue = std::make_shared<EngineQueue>(device, backend_of(device));
    if (profiling_) profile(*queue);
  }
  return *queue;
}

void Environment::start_profile() {
  profiling_ = true;
  for (EngineQueue* queue : queues()) profile(*queue);
}

std::vector<EngineQueue*> Environment::queues() const {
  std::vector<EngineQueue*> existing;
  for (const auto& queue : queues_)
    if (queue) existing.push_back(queue.get());
  return existing;
}

Napi::Value Environment::promise(Napi::Env env, const RequestPtr& request,
                                 const std::function<void(const Done&)>& submit) {
  const Napi::Value promise(env, mailbox_->open(env, request));
  const auto cancel = [&](const char* code, const std::string& text) {
    mailbox_->cancel(env, request, std::make_shared<Failure>(Failure{code, text}));
  };
  try {
    submit([mailbox = mailbox_, request](const FailurePtr& failure) {
      request->failure = failure;
      mailbox->post(request);
    });
  } catch (const Error& error) {
    cancel(error.code(), error.what());
  } catch (const std::exception& error) {
    cancel("ERR_INTERNAL", error.what());
  }
  return promise;
}

void Environment::close() {
  mailbox_->close();
  for (EngineQueue* queue : queues()) queue->close();
}

// Tells the collector how much its unreachable handles may hold on to. Done where promises settle,
// which is once a training step: reported at every allocation, the bytes that come and go within a
// step would provoke a full collection each time.
void Environment::report_memory(napi_env env) {
  int64_t total = 0;
  const int64_t change = *handle_bytes_ - reported_bytes_;
  if (change == 0 || napi_adjust_external_memory(env, change, &total) != napi_ok) return;
  reported_bytes_ += change;
}

}  // namespace rnnative::addon

// What one JavaScript environment (the main thread or a worker) has of rnnative: its queues, its
// mailbox, and the count of its handles.
#ifndef RNNATIVE_ADDON_ENVIRONMENT_H_
#define RNNATIVE_ADDON_ENVIRONMENT_H_

#include <napi.h>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "native/addon/handle.h"
#include "native/addon/mailbox.h"
#include "native/runtime/queue.h"

namespace rnnative::addon {

class Environment {
 public:
  // Once per environment, when the addon loads into it.
  static void create(Napi::Env env);
  static Environment& of(napi_env env);

  // Created by the first use of the device. Throws ERR_DEVICE where cuda is not available,
  // ERR_ARGUMENT for a bad RNNATIVE_ISA.
  EngineQueue& queue(Device device);
  // Those that exist.
  std::vector<EngineQueue*> queues() const;
  // Of all queues, those to be created too.
  void start_profile();
  void stop_profile() { profiling_ = false; }

  const HandleBytes& handle_bytes() const { return handle_bytes_; }

  // A promise for something that `submit` puts into a queue. `submit` gets the request and a
  // callback to be called once on the engine thread. If it throws, the promise rejects.
  Napi::Value promise(Napi::Env env, const RequestPtr& request,
                      const std::function<void(const Done&)>& submit);

 private:
  explicit Environment(Napi::Env env);
  void close();
  void report_memory(napi_env env);

  std::array<std::shared_ptr<EngineQueue>, 3> queues_;  // by Device
  std::shared_ptr<Mailbox> mailbox_;
  HandleBytes handle_bytes_ = std::make_shared<int64_t>(0);
  int64_t reported_bytes_ = 0;
  bool profiling_ = false;
};

}  // namespace rnnative::addon

#endif  // RNNATIVE_ADDON_ENVIRONMENT_H_

// Promises on their way: made on the environment's thread, completed by the engine, settled back on
// the environment's thread through one thread-safe function that carries all that have piled up.
// Node is kept alive only while promises are open.
#ifndef RNNATIVE_ADDON_MAILBOX_H_
#define RNNATIVE_ADDON_MAILBOX_H_

#include <node_api.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "native/runtime/failure.h"

namespace rnnative::addon {

struct Request {
  napi_deferred deferred = nullptr;
  FailurePtr failure;                         // set by the engine: reject with it
  std::function<napi_value(napi_env)> value;  // what to resolve with; null: undefined
  napi_ref kept = nullptr;                    // a JavaScript object kept alive until then
};
using RequestPtr = std::shared_ptr<Request>;

class Mailbox {
 public:
  // `settled` runs on the environment's thread after each batch.
  Mailbox(napi_env env, std::function<void(napi_env)> settled);

  // ---- on the environment's thread ----
  // The request's promise; Node stays alive until it is settled.
  napi_value open(napi_env env, const RequestPtr& request);
  // Undoes open, for a request that could not be submitted: rejects.
  void cancel(napi_env env, const RequestPtr& request, const FailurePtr& failure);
  // Nothing is settled any more: the environment is going away.
  void close();

  // ---- on the engine's thread ----
  void post(const RequestPtr& request);

 private:
  static void deliver(napi_env env, napi_value, void* context, void*);
  void settle_all(napi_env env);
  void finish(napi_env env, Request& request);

  std::mutex mutex_;
  std::vector<RequestPtr> done_;
  bool closed_ = false;
  napi_threadsafe_function function_ = nullptr;
  size_t open_ = 0;  // environment's thread only
  std::function<void(napi_env)> settled_;
};

// An Error with a `code`; null when the environment cannot make one any more.
napi_value make_error(napi_env env, const char* code, const std::string& message);

}  // namespace rnnative::addon

#endif  // RNNATIVE_ADDON_MAILBOX_H_

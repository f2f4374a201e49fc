#include "native/addon/mailbox.h"

#include <utility>

#include "native/runtime/error.h"

namespace rnnative::addon {

napi_value make_error(napi_env env, const char* code, const std::string& message) {
  napi_value code_value = nullptr, text = nullptr, error = nullptr;
  if (napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &code_value) != napi_ok) return nullptr;
  if (napi_create_string_utf8(env, message.data(), message.size(), &text) != napi_ok)
    return nullptr;
  return napi_create_error(env, code_value, text, &error) == napi_ok ? error : nullptr;
}

Mailbox::Mailbox(napi_env env, std::function<void(napi_env)> settled)
    : settled_(std::move(settled)) {
  napi_value name = nullptr;
  napi_create_string_utf8(env, "rnnative", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                      deliver, &function_) != napi_ok)
    throw Error("ERR_INTERNAL", "[load] cannot create a thread-safe function");
  napi_unref_threadsafe_function(env, function_);
}

napi_value Mailbox::open(napi_env env, const RequestPtr& request) {
  napi_value promise = nullptr;
  if (napi_create_promise(env, &request->deferred, &promise) != napi_ok)
    throw Error("ERR_INTERNAL", "[promise] the environment is shutting down");
  if (open_++ == 0) napi_ref_threadsafe_function(env, function_);
  return promise;
}

void Mailbox::cancel(napi_env env, const RequestPtr& request, const FailurePtr& failure) {
  request->failure = failure;
  finish(env, *request);
}

void Mailbox::close() {
  std::vector<RequestPtr> dropped;
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(done_);
}

void Mailbox::post(const RequestPtr& request) {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  done_.push_back(request);
  if (done_.size() == 1) napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void Mailbox::deliver(napi_env env, napi_value, void* context, void*) {
  if (env != nullptr) static_cast<Mailbox*>(context)->settle_all(env);
}

void Mailbox::settle_all(napi_env env) {
  std::vector<RequestPtr> batch;
  {
    std::lock_guard lock(mutex_);
    batch.swap(done_);
  }
  for (const RequestPtr& request : batch) finish(env, *request);
  if (!batch.empty()) settled_(env);
}

// Plain Node-API with its statuses ignored: a terminating worker may refuse any of these calls, and
// then nobody waits for the promise.
void Mailbox::finish(napi_env env, Request& request) {
  napi_value value = nullptr;
  if (request.failure) {
    value = make_error(env, request.failure->code, request.failure->message);
    if (value) napi_reject_deferred(env, request.deferred, value);
  } else {
    if (request.value)
      value = request.value(env);
    else
      napi_get_undefined(env, &value);
    if (value) {
      napi_resolve_deferred(env, request.deferred, value);
    } else {  // such as more elements than a TypedArray can have
      napi_value thrown = nullptr;
      napi_get_and_clear_last_exception(env, &thrown);
      value = make_error(env, "ERR_INTERNAL", "[read] cannot make the result");
      if (value) napi_reject_deferred(env, request.deferred, value);
    }
  }
  if (request.kept) napi_delete_reference(env, request.kept);
  if (--open_ == 0) napi_unref_threadsafe_function(env, function_);
}

}  // namespace rnnative::addon

#include <napi.h>

#include "native/addon/arguments.h"
#include "native/addon/bindings.h"
#include "native/addon/environment.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  using namespace rnnative;
  try {
    addon::Environment::create(env);
    addon::export_process(env, exports);
    addon::export_philox(env, exports);
    addon::export_tensors(env, exports);
    addon::export_in_place(env, exports);
#define RN_BIND(group) bind_##group(env, exports);
    RN_BIND_GROUPS(RN_BIND)
#undef RN_BIND
    addon::export_program(env, exports);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw addon::current_exception(env);
  }
  return exports;
}

}  // namespace

NODE_API_MODULE(rnnative, init)

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
    bind_elementwise(env, exports);
    bind_shape(env, exports);
    bind_matmul(env, exports);
    bind_layers(env, exports);
    bind_recurrent(env, exports);
    bind_attention(env, exports);
    bind_decoder(env, exports);
    bind_search(env, exports);
    bind_optimizer(env, exports);
    bind_peak(env, exports);
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
